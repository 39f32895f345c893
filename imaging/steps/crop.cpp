#include "imaging/steps/crop.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/printable.h"
#include "imaging/steps/components.h"

namespace vitrine::imaging {
namespace {

constexpr std::array<std::array<const char*, 2>, 3> kSides{{{"right", "left"}, {"front", "back"}, {"bottom", "top"}}};

double voxel_mm3(const Vec3& s) { return s[0] * s[1] * s[2]; }

// The fewest voxels of at least so much.
std::int64_t voxels_of(double mm3, const Vec3& spacing) {
  auto n = static_cast<std::int64_t>(std::floor(mm3 / voxel_mm3(spacing)));
  while (static_cast<double>(n) * voxel_mm3(spacing) < mm3) ++n;
  return n;
}

double longer_side(const SliceBox& box, const Vec3& spacing) {
  return std::max(static_cast<double>(box.i1 - box.i0 + 1) * spacing[0], static_cast<double>(box.j1 - box.j0 + 1) * spacing[1]);
}

LesionSlice slice_of(int lesion, const SliceBox& box, const Vec3& spacing, const CropOptions& options) {
  const double longer = longer_side(box, spacing);
  LesionSlice s;
  s.lesion = lesion;
  s.slice = box.k;
  s.area_mm2 = static_cast<double>(box.voxels) * spacing[0] * spacing[1];
  s.centre_i = static_cast<double>(box.i0 + box.i1) / 2;
  s.centre_j = static_cast<double>(box.j0 + box.j1) / 2;
  s.side_mm = options.mode == CropMode::fixed_fov ? options.fov_mm : std::max({longer * 1.3, longer + 8, 16.0});
  return s;
}

// The largest slices of one lesion that keep their distance.
std::vector<LesionSlice> chosen_slices(int number, const Component& lesion, const Vec3& spacing, const CropOptions& options) {
  std::vector<LesionSlice> all, chosen;
  std::int64_t moment = 0;  // of its slices about slice 0
  for (const SliceBox& box : lesion.slices) {
    all.push_back(slice_of(number, box, spacing, options));
    moment += box.k * box.voxels;
  }
  const auto off_centre = [&](const LesionSlice& s) { return std::abs(s.slice * lesion.voxels - moment); };
  std::stable_sort(all.begin(), all.end(), [&](const LesionSlice& a, const LesionSlice& b) {
    return a.area_mm2 != b.area_mm2 ? a.area_mm2 > b.area_mm2 : off_centre(a) < off_centre(b);
  });
  const double gap = std::max(options.distance_mm, spacing[2]);
  for (const LesionSlice& s : all) {
    if (static_cast<int>(chosen.size()) == options.slices) break;
    if (s.area_mm2 < options.minimum_area_mm2 || s.area_mm2 < 0.3 * all.front().area_mm2) break;
    const bool apart = std::all_of(chosen.begin(), chosen.end(), [&](const LesionSlice& c) {
      return std::abs(static_cast<double>(c.slice - s.slice)) * spacing[2] >= gap - 1e-9;
    });
    if (apart) chosen.push_back(s);
  }
  std::sort(chosen.begin(), chosen.end(), [](const LesionSlice& a, const LesionSlice& b) { return a.slice < b.slice; });
  return chosen;
}

std::string mm3_text(std::int64_t voxels, const Vec3& spacing) {
  return fixed(static_cast<double>(voxels) * voxel_mm3(spacing), 1) + " mm3";
}

std::string largest_area_text(const Component& c, const Vec3& spacing) {
  std::int64_t most = 0;
  for (const SliceBox& box : c.slices) most = std::max(most, box.voxels);
  return fixed(static_cast<double>(most) * spacing[0] * spacing[1], 1) + " mm2";
}

std::string place_text(const Component& c, const LesionMask& mask) {
  const auto p = mask.file_voxel(c.first);
  return text("voxel (", p[0], ", ", p[1], ", ", p[2], ")");
}

// A part that is too small is left out by rule; a lesion that somebody has numbered should not be.
void note_small(const Components& found, const LesionMask& mask, const CropOptions& options, LesionSearch& result,
                Notes& notes) {
  const Vec3& s = mask.labels.geometry.spacing;
  for (const Component& c : found.small) {
    notes.push_back({mask.numbered, text("lesion mask: ", mask.numbered ? text("lesion ", c.label) : std::string("a part"),
                                         " of ", mm3_text(c.voxels, s), " at ", place_text(c, mask), " was left out, below ",
                                         options.minimum_volume_mm3, " mm3")});
    result.left_out.push_back(
        {mask.numbered ? c.label : 0, 1, static_cast<double>(c.voxels) * voxel_mm3(s), notes.back().text});
  }
  const std::int64_t more = found.small_count - static_cast<std::int64_t>(found.small.size());
  if (more == 0) return;
  std::int64_t voxels = found.small_voxels;
  for (const Component& c : found.small) voxels -= c.voxels;
  notes.push_back(
      {mask.numbered, text("lesion mask: ", more, " more parts from ", mm3_text(found.smallest, s), " on, together ",
                           mm3_text(voxels, s), ", were left out, below ", options.minimum_volume_mm3, " mm3")});
  result.left_out.push_back({0, more, static_cast<double>(voxels) * voxel_mm3(s), notes.back().text});
}

// Only a fixed field of view can be narrower than the lesion.
void warn_of_cut(const LesionSlice& s, const Component& c, const Vec3& spacing, Notes& notes) {
  for (const SliceBox& box : c.slices) {
    const double wide = box.k == s.slice ? longer_side(box, spacing) : 0;
    if (wide > s.side_mm + 1e-6)
      warn(notes, text("crop ", crop_name(s), " of ", fixed(s.side_mm, 1), " mm cuts the lesion, which is ", fixed(wide, 1),
                       " mm wide there"));
  }
}

// Where a lesion reaches the last voxels it may go on beyond them.
void warn_of_border(int number, const Component& c, const Geometry& g, Notes& notes) {
  std::array<std::int64_t, 3> low{g.size[0], g.size[1], c.slices.front().k}, high{0, 0, c.slices.back().k};
  for (const SliceBox& box : c.slices) {
    low = {std::min(low[0], box.i0), std::min(low[1], box.j0), low[2]};
    high = {std::max(high[0], box.i1), std::max(high[1], box.j1), high[2]};
  }
  std::string sides;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (low[axis] == 0) sides += text(sides.empty() ? "" : ", ", kSides[axis][0]);
    if (high[axis] == g.size[axis] - 1) sides += text(sides.empty() ? "" : ", ", kSides[axis][1]);
  }
  if (!sides.empty()) warn(notes, text("lesion ", number, " touches the border of T1c (", sides, "): it may be cut there"));
}

void warn_of_reach(const LesionSlice& s, const Geometry& g, Notes& notes) {
  std::string sides;
  const std::array<double, 2> centre{s.centre_i, s.centre_j};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const double half = s.side_mm / 2 / g.spacing[axis];
    const std::array<double, 2> beyond{-0.5 - (centre[axis] - half),
                                       centre[axis] + half - (static_cast<double>(g.size[axis]) - 0.5)};
    for (std::size_t side = 0; side < 2; ++side) {
      if (beyond[side] <= 1e-6) continue;
      sides += text(sides.empty() ? "" : ", ", fixed(beyond[side] * g.spacing[axis], 1), " mm at the ", kSides[axis][side]);
    }
  }
  if (!sides.empty()) warn(notes, text("crop ", crop_name(s), " reaches beyond T1c (", sides, "): it is 0 there"));
}

}  // namespace

const char* name_of(CropMode mode) { return mode == CropMode::fit ? "fit" : "fixed-fov"; }

CropMode crop_mode_named(const std::string& name) {
  for (const CropMode m : {CropMode::fit, CropMode::fixed_fov}) {
    if (name == name_of(m)) return m;
  }
  throw UsageError(text("the crop is '", printable(name), "', fit or fixed-fov was expected"));
}

int slices_named(const std::string& words) {
  std::int64_t slices = 1;
  if (words != "largest" && (!parse_number(words, slices) || slices < 1 || slices > 100))
    throw UsageError(text("the slices of a lesion are '", printable(words), "', 1 to 100 or largest was expected"));
  return static_cast<int>(slices);
}

void check(const CropOptions& o) {
  if (o.slices < 1 || o.slices > 100) throw UsageError(text("slices of a lesion: ", o.slices, ", expected 1 to 100"));
  if (!(o.distance_mm >= 0 && o.distance_mm <= 1000))
    throw UsageError(text("distance between slices: ", o.distance_mm, " mm, expected 0 to 1000"));
  if (!(o.fov_mm >= 8 && o.fov_mm <= 1000)) throw UsageError(text("field of view: ", o.fov_mm, " mm, expected 8 to 1000"));
}

std::string crop_name(const LesionSlice& slice) { return text("l", slice.lesion, "_s", slice.slice); }

LesionSearch find_lesion_slices(const LesionMask& mask, const CropOptions& options, const std::string& what, Notes& notes) {
  check(options);
  const Geometry& g = mask.labels.geometry;
  LesionSearch result;
  Components found = find_components(mask.labels, mask.numbered, voxels_of(options.minimum_volume_mm3, g.spacing), what);
  note_small(found, mask, options, result, notes);
  if (mask.numbered)
    std::sort(found.large.begin(), found.large.end(), [](const Component& a, const Component& b) { return a.label < b.label; });
  for (const Component& c : found.large) {
    FoundLesion lesion;
    lesion.number = mask.numbered ? c.label : static_cast<int>(result.lesions.size()) + 1;
    lesion.pieces = c.pieces;
    lesion.volume_mm3 = static_cast<double>(c.voxels) * voxel_mm3(g.spacing);
    const std::vector<LesionSlice> chosen = chosen_slices(lesion.number, c, g.spacing, options);
    lesion.crops = static_cast<int>(chosen.size());
    if (c.pieces > 1)
      note(notes, text("lesion ", lesion.number, " has ", c.pieces, " separate pieces; they were taken for one lesion"));
    if (chosen.empty()) {
      warn(notes, text("lesion ", lesion.number, " of ", mm3_text(c.voxels, g.spacing), " at ", place_text(c, mask),
                       " gives no crop: its largest slice has ", largest_area_text(c, g.spacing), ", below ",
                       options.minimum_area_mm2));
      result.left_out.push_back({lesion.number, 1, lesion.volume_mm3, notes.back().text});
    }
    warn_of_border(lesion.number, c, g, notes);
    for (const LesionSlice& s : chosen) {
      warn_of_cut(s, c, g.spacing, notes);
      warn_of_reach(s, g, notes);
    }
    result.lesions.push_back(lesion);
    result.slices.insert(result.slices.end(), chosen.begin(), chosen.end());
  }
  if (result.slices.empty()) {
    const Component& most = found.large.empty() ? found.small.front() : found.large.front();
    throw DataError(text(what, ": no lesion has ", options.minimum_volume_mm3, " mm3 and a slice of ", options.minimum_area_mm2,
                         " mm2; the largest of ", found.small_count + static_cast<std::int64_t>(found.large.size()), " has ",
                         mm3_text(most.voxels, g.spacing),
                         most.slices.empty() ? std::string() : text(" and ", largest_area_text(most, g.spacing), " in a slice"),
                         ", so check the mask"));
  }
  return result;
}

double share_outside(const LesionSlice& slice, const Geometry& grid, const Geometry& moving, const RigidTransform& transform,
                     int size) {
  int outside = 0;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const auto at = [&](double centre, int p, std::size_t axis) {
        return centre + ((p + 0.5) / size - 0.5) * slice.side_mm / grid.spacing[axis];
      };
      const Vec3 index{at(slice.centre_i, x, 0), at(slice.centre_j, y, 1), static_cast<double>(slice.slice)};
      outside += moving.holds(moving.to_index(transform.apply(grid.to_physical(index)))) ? 0 : 1;
    }
  }
  return static_cast<double>(outside) / (static_cast<double>(size) * size);
}

std::vector<CropTap> crop_taps(double centre, double side, int size) {
  const double scale = side / size, support = std::max(1.0, scale);
  std::vector<CropTap> taps(static_cast<std::size_t>(size));
  for (int p = 0; p < size; ++p) {
    const double x = centre - side / 2 + (p + 0.5) * scale;  // in voxel indices, whose centres are whole numbers
    CropTap& t = taps[static_cast<std::size_t>(p)];
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

std::vector<float> crop_slice(const Volume& volume, const LesionSlice& slice, int size) {
  const auto& g = volume.geometry;
  const std::vector<CropTap> across = crop_taps(slice.centre_i, slice.side_mm / g.spacing[0], size),
                             down = crop_taps(slice.centre_j, slice.side_mm / g.spacing[1], size);
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(size) * static_cast<std::size_t>(size));
  for (const CropTap& row : down) {
    for (const CropTap& column : across)
      out.push_back(crop_pixel(row, column, g, [&](std::int64_t i, std::int64_t j) { return volume.at(i, j, slice.slice); }));
  }
  return out;
}

}  // namespace vitrine::imaging
