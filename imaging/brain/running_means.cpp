#include "imaging/brain/running_means.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/interrupt.h"
#include "imaging/prep_kernels.h"

namespace vitrine::imaging {
namespace {

using kernels::MeanWindow;

// Three means of width w have the variance (w^2 - 1) / 4 of one voxel, for whole w; between whole widths it is close to that.
MeanWindow window_of(double sigma) {
  const double width = std::sqrt(4 * sigma * sigma + 1);
  MeanWindow w;
  w.reach = static_cast<std::int64_t>(std::ceil((width - 1) / 2));
  w.edge = static_cast<float>((width - static_cast<double>(2 * w.reach - 1)) / 2);
  w.width = static_cast<float>(width);
  return w;
}

// A value of each of the lines that go side by side: a running sum waits for itself, and those of the others go on meanwhile.
using Abreast = std::array<float, kernels::kLinesAbreast>;

// `side` lines, at most as many as go abreast, along `step`; their first values lie `next` apart.
struct Lines {
  std::int64_t step, next;
  std::size_t count, side;
};

// Three running means; beyond each end the outermost value goes on.
void smooth_lines(float* first, const Lines& l, const MeanWindow& w, std::vector<Abreast>& values,
                  std::vector<Abreast>& means) {
  const auto reach = static_cast<std::size_t>(w.reach);
  for (std::size_t i = 0; i < l.count; ++i) {
    const float* from = first + static_cast<std::int64_t>(i) * l.step;
    for (std::size_t line = 0; line < l.side; ++line) values[i + reach][line] = from[static_cast<std::int64_t>(line) * l.next];
  }
  for (int pass = 0; pass < 3; ++pass) {
    std::fill_n(values.begin(), reach, values[reach]);
    std::fill_n(values.end() - w.reach, reach, values[reach + l.count - 1]);
    kernels::prep_kernels().running_means(values.front().data(), static_cast<std::int64_t>(l.count), w, means.front().data());
    values.swap(means);
  }
  for (std::size_t i = 0; i < l.count; ++i) {
    float* to = first + static_cast<std::int64_t>(i) * l.step;
    for (std::size_t line = 0; line < l.side; ++line) to[static_cast<std::int64_t>(line) * l.next] = values[i + reach][line];
  }
}

}  // namespace

Volume smoothed(Volume volume, double sigma_mm) {
  const auto& n = volume.geometry.size;
  const std::int64_t stride[3] = {1, n[0], n[0] * n[1]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double sigma = sigma_mm / volume.geometry.spacing[axis];
    if (sigma < 0.5 || n[axis] < 2) continue;
    check_interrupt("brain extraction");
    const MeanWindow w = window_of(sigma);
    const auto count = static_cast<std::size_t>(n[axis]);
    std::vector<Abreast> values(count + 2 * static_cast<std::size_t>(w.reach)), means(values.size());
    const std::size_t a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2;
    for (std::int64_t p = 0; p < n[b]; ++p) {
      for (std::int64_t q = 0; q < n[a]; q += kernels::kLinesAbreast) {
        const auto side = static_cast<std::size_t>(std::min<std::int64_t>(kernels::kLinesAbreast, n[a] - q));
        smooth_lines(volume.data.data() + p * stride[b] + q * stride[a], {stride[axis], stride[a], count, side}, w, values,
                     means);
      }
    }
  }
  return volume;
}

Volume without_sheets(Volume volume, double radius_mm) {
  const auto& n = volume.geometry.size;
  const std::int64_t stride[3] = {1, n[0], n[0] * n[1]};
  std::vector<float> next(volume.data.size());
  std::array<std::int64_t, 3> reach{};  // at least one voxel to each side where voxels are small enough to tell a sheet
  for (std::size_t c = 0; c < 3; ++c) {
    const double spacing = volume.geometry.spacing[c];
    if (spacing <= 1.7 * radius_mm) reach[c] = std::max<std::int64_t>(1, std::llround(radius_mm / spacing));
  }
  for (const bool least : {true, false}) {
    check_interrupt("brain extraction");
    std::size_t at = 0;
    for (std::int64_t k = 0; k < n[2]; ++k) {
      for (std::int64_t j = 0; j < n[1]; ++j) {
        for (std::int64_t i = 0; i < n[0]; ++i, ++at) {
          const std::int64_t p[3] = {i, j, k};
          float v = volume.data[at];
          for (std::size_t c = 0; c < 3; ++c) {
            for (std::int64_t d = -std::min(reach[c], p[c]); d <= std::min(reach[c], n[c] - 1 - p[c]); ++d) {
              const float w = volume.data[static_cast<std::size_t>(static_cast<std::int64_t>(at) + d * stride[c])];
              v = least ? std::min(v, w) : std::max(v, w);
            }
          }
          next[at] = v;
        }
      }
    }
    volume.data.swap(next);
  }
  return volume;
}

Geometry part_of(const Geometry& g, const std::array<std::int64_t, 3>& low, const std::array<std::int64_t, 3>& size) {
  Geometry part = g;
  part.size = size;
  part.origin = g.to_physical({static_cast<double>(low[0]), static_cast<double>(low[1]), static_cast<double>(low[2])});
  return part;
}

Volume part_of(const Volume& volume, const std::array<std::int64_t, 3>& low, const std::array<std::int64_t, 3>& size) {
  Volume part{part_of(volume.geometry, low, size), {}};
  part.data.reserve(static_cast<std::size_t>(size[0] * size[1] * size[2]));
  for (std::int64_t k = 0; k < size[2]; ++k) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const float* row = &volume.data[static_cast<std::size_t>(
          ((k + low[2]) * volume.geometry.size[1] + j + low[1]) * volume.geometry.size[0] + low[0])];
      part.data.insert(part.data.end(), row, row + size[0]);
    }
  }
  return part;
}

Volume part_in(const Volume& volume, const Geometry& box) {
  Vec3 low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t c = 0; c < 3; ++c) index[c] = corner >> c & 1 ? static_cast<double>(box.size[c]) - 0.5 : -0.5;
    const Vec3 q = volume.geometry.to_index(box.to_physical(index));
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], q[c]);
      high[c] = std::max(high[c], q[c]);
    }
  }
  std::array<std::int64_t, 3> first{}, size{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double last = static_cast<double>(volume.geometry.size[c] - 1);
    first[c] = static_cast<std::int64_t>(std::clamp(std::ceil(low[c]), 0.0, last));
    size[c] = static_cast<std::int64_t>(std::clamp(std::floor(high[c]), 0.0, last)) - first[c] + 1;
  }
  return part_of(volume, first, size);
}

}  // namespace vitrine::imaging
