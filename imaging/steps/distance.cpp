#include "imaging/steps/distance.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"

namespace vitrine::imaging {

// The smallest squared distance, one axis after the other: along each the smallest of what the neighbours within reach have, plus the square
// of the way to them. Lines that hold nothing near stay as they are.
Volume distance_to(const Mask& mask, double most_mm) {
  const Geometry& g = mask.geometry;
  const auto far = static_cast<float>(most_mm * most_mm);
  Volume from{g, std::vector<float>(mask.data.size(), far)};
  for (std::size_t i = 0; i < mask.data.size(); ++i) {
    if (mask.data[i] > 0) from.data[i] = 0;
  }
  const std::array<std::int64_t, 3> stride{1, g.size[0], g.size[0] * g.size[1]};
  std::vector<float> line;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t n = g.size[axis], lines = g.voxels() / n;
    const auto reach = static_cast<std::int64_t>(std::floor(most_mm / g.spacing[axis]));
    line.resize(static_cast<std::size_t>(n));
    for (std::int64_t l = 0; l < lines; ++l) {
      if (l % 4096 == 0) check_interrupt("preparation");
      const std::int64_t start = l / stride[axis] * stride[axis] * n + l % stride[axis];
      bool is_near = false;
      for (std::int64_t i = 0; i < n; ++i) {
        const float v = from.data[static_cast<std::size_t>(start + i * stride[axis])];
        line[static_cast<std::size_t>(i)] = v;
        is_near = is_near || v < far;
      }
      if (!is_near) continue;
      for (std::int64_t i = 0; i < n; ++i) {
        float best = far;
        for (std::int64_t d = std::max(-reach, -i); d <= std::min(reach, n - 1 - i); ++d) {
          const double way = static_cast<double>(d) * g.spacing[axis];
          best = std::min(best, line[static_cast<std::size_t>(i + d)] + static_cast<float>(way * way));
        }
        from.data[static_cast<std::size_t>(start + i * stride[axis])] = best;
      }
    }
  }
  for (float& v : from.data) v = std::sqrt(v);
  return from;
}

}  // namespace vitrine::imaging
