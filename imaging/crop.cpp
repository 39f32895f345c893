#include "imaging/crop.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"

namespace vitrine::imaging {
namespace {

struct Box {
  std::int64_t i0, i1, j0, j1;
  double area = 0;  // voxels
};

struct Lesion {
  std::int64_t voxels = 0;
  std::size_t first = 0;  // lowest index of its voxels: breaks ties of volume
  std::map<std::int64_t, Box> slices;
};

// Grows one component from a seed; visited voxels are set to 0.
Lesion grow(Mask& left, std::size_t seed) {
  const auto& size = left.geometry.size;
  Lesion lesion;
  lesion.first = seed;
  std::vector<std::size_t> open = {seed};
  left.data[seed] = 0;
  while (!open.empty()) {
    const auto at = static_cast<std::int64_t>(open.back());
    open.pop_back();
    const std::int64_t i = at % size[0], j = at / size[0] % size[1], k = at / (size[0] * size[1]);
    ++lesion.voxels;
    const auto [found, is_new] = lesion.slices.try_emplace(k, Box{i, i, j, j});
    Box& box = found->second;
    box = {std::min(box.i0, i), std::max(box.i1, i), std::min(box.j0, j), std::max(box.j1, j), box.area + 1};
    for (std::int64_t dk = -1; dk <= 1; ++dk) {
      for (std::int64_t dj = -1; dj <= 1; ++dj) {
        for (std::int64_t di = -1; di <= 1; ++di) {
          const std::int64_t ni = i + di, nj = j + dj, nk = k + dk;
          if (ni < 0 || nj < 0 || nk < 0 || ni >= size[0] || nj >= size[1] || nk >= size[2]) continue;
          const auto next = static_cast<std::size_t>((nk * size[1] + nj) * size[0] + ni);
          if (left.data[next] == 0) continue;
          left.data[next] = 0;
          open.push_back(next);
        }
      }
    }
  }
  return lesion;
}

std::vector<Lesion> lesions_of(const Mask& mask, double minimum_mm3) {
  const Vec3& s = mask.geometry.spacing;
  Mask left = mask;
  std::vector<Lesion> lesions;
  for (std::size_t i = 0; i < left.data.size(); ++i) {
    if (left.data[i] == 0) continue;
    Lesion lesion = grow(left, i);
    if (static_cast<double>(lesion.voxels) * s[0] * s[1] * s[2] >= minimum_mm3) lesions.push_back(std::move(lesion));
  }
  std::stable_sort(lesions.begin(), lesions.end(), [](const Lesion& a, const Lesion& b) { return a.voxels > b.voxels; });
  return lesions;
}

LesionSlice slice_of(int lesion, std::int64_t k, const Box& box, const Vec3& spacing) {
  const double width = static_cast<double>(box.i1 - box.i0 + 1) * spacing[0],
               height = static_cast<double>(box.j1 - box.j0 + 1) * spacing[1];
  const double longer = std::max(width, height);
  LesionSlice s;
  s.lesion = lesion;
  s.slice = k;
  s.area_mm2 = box.area * spacing[0] * spacing[1];
  s.centre_i = static_cast<double>(box.i0 + box.i1) / 2;
  s.centre_j = static_cast<double>(box.j0 + box.j1) / 2;
  s.side_mm = std::max({longer * 1.3, longer + 8, 16.0});
  return s;
}

// The largest slices of one lesion that keep their distance.
std::vector<LesionSlice> chosen_slices(int number, const Lesion& lesion, const Vec3& spacing, const CropOptions& options) {
  std::vector<LesionSlice> all, chosen;
  for (const auto& [k, box] : lesion.slices) all.push_back(slice_of(number, k, box, spacing));
  std::stable_sort(all.begin(), all.end(), [](const LesionSlice& a, const LesionSlice& b) { return a.area_mm2 > b.area_mm2; });
  const double gap = std::max(2.0, spacing[2]);
  for (const LesionSlice& s : all) {
    if (static_cast<int>(chosen.size()) == options.slices_per_lesion) break;
    if (s.area_mm2 < options.minimum_area_mm2 || s.area_mm2 < 0.3 * all.front().area_mm2) break;
    const bool apart = std::all_of(chosen.begin(), chosen.end(), [&](const LesionSlice& c) {
      return std::abs(static_cast<double>(c.slice - s.slice)) * spacing[2] >= gap - 1e-9;
    });
    if (apart) chosen.push_back(s);
  }
  std::sort(chosen.begin(), chosen.end(), [](const LesionSlice& a, const LesionSlice& b) { return a.slice < b.slice; });
  return chosen;
}

// For every output pixel, the source indices that it averages and their weights (sum 1).
struct Tap {
  std::int64_t first = 0;
  std::vector<double> weight;
};

std::vector<Tap> taps_of(double centre, double side_voxels, int size) {
  const double scale = side_voxels / size, support = std::max(1.0, scale);
  std::vector<Tap> taps(static_cast<std::size_t>(size));
  for (int p = 0; p < size; ++p) {
    const double x = centre - side_voxels / 2 + (p + 0.5) * scale;  // in voxel indices, whose centres are whole numbers
    Tap& t = taps[static_cast<std::size_t>(p)];
    t.first = static_cast<std::int64_t>(std::floor(x - support)) + 1;
    double sum = 0;
    for (std::int64_t i = t.first; static_cast<double>(i) < x + support; ++i) {
      t.weight.push_back(1 - std::abs(static_cast<double>(i) - x) / support);
      sum += t.weight.back();
    }
    for (double& w : t.weight) w /= sum;
  }
  return taps;
}

}  // namespace

std::vector<LesionSlice> find_lesion_slices(const Mask& mask, const CropOptions& options, const std::string& what) {
  bool any = false;
  for (const float v : mask.data) {
    if (v != 0 && v != 1) throw DataError(text(what, ": the lesion mask holds the value ", v, ", expected 0 and 1 only"));
    any = any || v == 1;
  }
  if (!any) throw DataError(text(what, ": the lesion mask is empty; draw the lesion or leave the subject out"));
  std::vector<LesionSlice> slices;
  int number = 0;
  for (const Lesion& lesion : lesions_of(mask, options.minimum_volume_mm3)) {
    const std::vector<LesionSlice> chosen = chosen_slices(++number, lesion, mask.geometry.spacing, options);
    slices.insert(slices.end(), chosen.begin(), chosen.end());
  }
  if (slices.empty()) {
    throw DataError(text(what, ": no lesion of the mask has ", options.minimum_volume_mm3, " mm3 and a slice of ",
                         options.minimum_area_mm2, " mm2; check the mask"));
  }
  return slices;
}

std::vector<float> crop_slice(const Volume& volume, const LesionSlice& slice, int size) {
  const auto& g = volume.geometry;
  const std::vector<Tap> across = taps_of(slice.centre_i, slice.side_mm / g.spacing[0], size),
                         down = taps_of(slice.centre_j, slice.side_mm / g.spacing[1], size);
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  for (const Tap& row : down) {
    for (const Tap& column : across) {
      double sum = 0;
      for (std::size_t r = 0; r < row.weight.size(); ++r) {
        const std::int64_t j = row.first + static_cast<std::int64_t>(r);
        if (j < 0 || j >= g.size[1]) continue;
        for (std::size_t c = 0; c < column.weight.size(); ++c) {
          const std::int64_t i = column.first + static_cast<std::int64_t>(c);
          if (i >= 0 && i < g.size[0])
            sum += row.weight[r] * column.weight[c] * static_cast<double>(volume.at(i, j, slice.slice));
        }
      }
      out.push_back(static_cast<float>(sum));
    }
  }
  return out;
}

}  // namespace vitrine::imaging
