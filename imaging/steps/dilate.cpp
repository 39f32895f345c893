// dilated of imaging/steps/morphology.h.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/interrupt.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

using Index = std::array<std::int64_t, 3>;

// The box of the mask and `reach` voxels around it; empty (low above high) for an empty mask.
struct Region {
  Index low, high;
};

Region region_of(const Mask& mask, const Index& reach) {
  const Index& n = mask.geometry.size;
  Region box{n, {-1, -1, -1}};
  std::size_t at = 0;
  for (std::int64_t k = 0; k < n[2]; ++k) {
    for (std::int64_t j = 0; j < n[1]; ++j) {
      for (std::int64_t i = 0; i < n[0]; ++i, ++at) {
        if (mask.data[at] == 0) continue;
        box.low = {std::min(box.low[0], i), std::min(box.low[1], j), std::min(box.low[2], k)};
        box.high = {std::max(box.high[0], i), std::max(box.high[1], j), std::max(box.high[2], k)};
      }
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    box.low[c] = std::max<std::int64_t>(0, box.low[c] - reach[c]);
    box.high[c] = std::min(n[c] - 1, box.high[c] + reach[c]);
  }
  return box;
}

}  // namespace

// The squared distance to the nearest voxel of the mask, one axis after the other: along each the smallest of what the neighbours within
// reach have, plus the square of the way to them. Exact up to the radius.
Mask dilated(const Mask& mask, double radius_mm) {
  const Geometry& g = mask.geometry;
  Index reach;
  for (std::size_t c = 0; c < 3; ++c) reach[c] = static_cast<std::int64_t>(std::floor(radius_mm / g.spacing[c]));
  const Region box = region_of(mask, reach);
  Mask result = mask;
  if (box.high[0] < box.low[0]) return result;
  const Index n{box.high[0] - box.low[0] + 1, box.high[1] - box.low[1] + 1, box.high[2] - box.low[2] + 1};
  const Index stride{1, n[0], n[0] * n[1]};
  std::vector<float> square(static_cast<std::size_t>(n[0] * n[1] * n[2])), next(square.size());
  const auto each = [&](const auto& work) {
    std::int64_t at = 0;
    for (std::int64_t k = 0; k < n[2]; ++k) {
      check_interrupt("preparation");
      for (std::int64_t j = 0; j < n[1]; ++j) {
        for (std::int64_t i = 0; i < n[0]; ++i, ++at) work(at, Index{i, j, k});
      }
    }
  };
  each([&](std::int64_t at, const Index& p) {
    square[static_cast<std::size_t>(at)] =
        mask.at(p[0] + box.low[0], p[1] + box.low[1], p[2] + box.low[2]) != 0 ? 0 : std::numeric_limits<float>::infinity();
  });
  for (std::size_t axis = 0; axis < 3; ++axis) {
    each([&](std::int64_t at, const Index& p) {
      const std::int64_t from = std::max(-reach[axis], -p[axis]), to = std::min(reach[axis], n[axis] - 1 - p[axis]);
      float best = std::numeric_limits<float>::infinity();
      for (std::int64_t d = from; d <= to; ++d) {
        const double way = static_cast<double>(d) * g.spacing[axis];
        best = std::min(best, square[static_cast<std::size_t>(at + d * stride[axis])] + static_cast<float>(way * way));
      }
      next[static_cast<std::size_t>(at)] = best;
    });
    square.swap(next);
  }
  const double limit = radius_mm * radius_mm * (1 + 1e-6);  // a distance of exactly the radius counts, however it was rounded
  each([&](std::int64_t at, const Index& p) {
    if (static_cast<double>(square[static_cast<std::size_t>(at)]) <= limit)
      result.at(p[0] + box.low[0], p[1] + box.low[1], p[2] + box.low[2]) = 1;
  });
  return result;
}

}  // namespace vitrine::imaging
