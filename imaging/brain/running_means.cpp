#include "imaging/brain/running_means.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"

namespace vitrine::imaging {
namespace {

// A running mean of 2 r + 1 values, the outermost two counted by `edge`, so that the width need not be whole.
struct Window {
  std::int64_t reach = 0;
  float edge = 0;
  float width = 1;
};

// Three means of width w have the variance (w^2 - 1) / 4 of one voxel, for whole w; between whole widths it is close to that.
Window window_of(double sigma) {
  const double width = std::sqrt(4 * sigma * sigma + 1);
  Window w;
  w.reach = static_cast<std::int64_t>(std::ceil((width - 1) / 2));
  w.edge = static_cast<float>((width - static_cast<double>(2 * w.reach - 1)) / 2);
  w.width = static_cast<float>(width);
  return w;
}

// `line` holds n values behind `reach` more on each side, which repeat the outermost: as does `out` afterwards.
void mean_along(const std::vector<float>& line, std::vector<float>& out, const Window& w) {
  const auto reach = static_cast<std::size_t>(w.reach), n = line.size() - 2 * reach;
  double sum = 0;
  for (std::size_t d = 1; d < 2 * reach; ++d) sum += static_cast<double>(line[d]);
  for (std::size_t i = 0; i < n; ++i) {
    const float ends = w.edge * (line[i] + line[i + 2 * reach]);
    out[i + reach] = (static_cast<float>(sum) + ends) / w.width;
    sum += static_cast<double>(line[i + 2 * reach]) - static_cast<double>(line[i + 1]);
  }
  std::fill_n(out.begin(), reach, out[reach]);
  std::fill_n(out.end() - w.reach, reach, out[reach + n - 1]);
}

}  // namespace

Volume smoothed(Volume volume, double sigma_mm) {
  const auto& n = volume.geometry.size;
  const std::int64_t stride[3] = {1, n[0], n[0] * n[1]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double sigma = sigma_mm / volume.geometry.spacing[axis];
    if (sigma < 0.5 || n[axis] < 2) continue;
    check_interrupt("brain extraction");
    const Window w = window_of(sigma);
    const auto reach = static_cast<std::size_t>(w.reach), count = static_cast<std::size_t>(n[axis]);
    std::vector<float> line(count + 2 * reach), next(line.size());
    const std::size_t a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2;
    for (std::int64_t p = 0; p < n[b]; ++p) {
      for (std::int64_t q = 0; q < n[a]; ++q) {
        float* first = volume.data.data() + p * stride[b] + q * stride[a];
        for (std::size_t i = 0; i < count; ++i) line[i + reach] = first[static_cast<std::int64_t>(i) * stride[axis]];
        std::fill_n(line.begin(), reach, line[reach]);
        std::fill_n(line.end() - w.reach, reach, line[reach + count - 1]);
        for (int pass = 0; pass < 3; ++pass) {
          mean_along(line, next, w);
          line.swap(next);
        }
        for (std::size_t i = 0; i < count; ++i) first[static_cast<std::int64_t>(i) * stride[axis]] = line[i + reach];
      }
    }
  }
  return volume;
}

Volume without_sheets(Volume volume, double radius_mm) {
  const auto& n = volume.geometry.size;
  const std::int64_t stride[3] = {1, n[0], n[0] * n[1]};
  std::vector<float> next(volume.data.size());
  for (const bool least : {true, false}) {
    check_interrupt("brain extraction");
    std::size_t at = 0;
    for (std::int64_t k = 0; k < n[2]; ++k) {
      for (std::int64_t j = 0; j < n[1]; ++j) {
        for (std::int64_t i = 0; i < n[0]; ++i, ++at) {
          const std::int64_t p[3] = {i, j, k};
          float v = volume.data[at];
          for (std::size_t c = 0; c < 3; ++c) {
            // At least one voxel to each side where voxels are small enough to tell a sheet.
            const std::int64_t reach = volume.geometry.spacing[c] > 1.7 * radius_mm
                                           ? 0
                                           : std::max<std::int64_t>(1, std::llround(radius_mm / volume.geometry.spacing[c]));
            for (std::int64_t d = -std::min(reach, p[c]); d <= std::min(reach, n[c] - 1 - p[c]); ++d) {
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
