#include "imaging/steps/morphology.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "base/interrupt.h"
#include "imaging/prep_kernels.h"

namespace vitrine::imaging {
namespace {

Mask inverse(Mask mask) {
  for (float& v : mask.data) v = v != 0 ? 0.0f : 1.0f;
  return mask;
}

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

// Visits everything of value `wanted` that is connected to `start` and not yet numbered; returns how many voxels.
std::int64_t flood(const Mask& mask, float wanted, std::int64_t start, std::int32_t number, std::vector<std::int32_t>& part) {
  const Index& n = mask.geometry.size;
  const Index stride{1, n[0], n[0] * n[1]};
  std::vector<std::int64_t> waiting{start};
  part[static_cast<std::size_t>(start)] = number;
  std::int64_t count = 0;
  while (!waiting.empty()) {
    const std::int64_t at = waiting.back();
    waiting.pop_back();
    if ((++count & 0xfffff) == 0) check_interrupt("brain extraction");
    const Index p{at % n[0], at / n[0] % n[1], at / (n[0] * n[1])};
    for (std::size_t c = 0; c < 3; ++c) {
      for (const std::int64_t step : {-1, 1}) {
        if (p[c] + step < 0 || p[c] + step >= n[c]) continue;
        const auto next = static_cast<std::size_t>(at + step * stride[c]);
        if (part[next] != 0 || mask.data[next] != wanted) continue;
        part[next] = number;
        waiting.push_back(static_cast<std::int64_t>(next));
      }
    }
  }
  return count;
}

// out: of each voxel the smallest of what those within `reach` along the axis have, plus the square of the way to them.
void nearer_along(std::size_t axis, const Index& n, std::int64_t reach, double spacing, const std::vector<float>& in,
                  std::vector<float>& out) {
  const std::int64_t stride = axis == 0 ? 1 : axis == 1 ? n[0] : n[0] * n[1];
  const kernels::PrepKernels& kernel = kernels::prep_kernels();
  std::vector<std::int64_t> offset;
  std::vector<float> square;
  // Along i the row lies in a longer one whose ends are infinitely far away.
  std::vector<float> row(static_cast<std::size_t>(n[0] + 2 * reach), std::numeric_limits<float>::infinity());
  for (std::int64_t k = 0; k < n[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < n[1]; ++j) {
      const float* source = in.data() + (k * n[1] + j) * n[0];
      const std::int64_t place = axis == 1 ? j : k;
      offset.clear();
      square.clear();
      for (std::int64_t d = -reach; d <= reach; ++d) {
        if (axis != 0 && (place + d < 0 || place + d >= n[axis])) continue;
        const double way = static_cast<double>(d) * spacing;
        offset.push_back(d * stride);
        square.push_back(static_cast<float>(way * way));
      }
      if (axis == 0) {
        std::copy(source, source + n[0], row.begin() + reach);
        source = row.data() + reach;
      }
      kernel.least_sums(source, {offset.data(), square.data(), static_cast<std::int64_t>(offset.size())}, n[0],
                        out.data() + (k * n[1] + j) * n[0]);
    }
  }
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
    nearer_along(axis, n, reach[axis], g.spacing[axis], square, next);
    square.swap(next);
  }
  const double limit = radius_mm * radius_mm * (1 + 1e-6);  // a distance of exactly the radius counts, however it was rounded
  each([&](std::int64_t at, const Index& p) {
    if (static_cast<double>(square[static_cast<std::size_t>(at)]) <= limit)
      result.at(p[0] + box.low[0], p[1] + box.low[1], p[2] + box.low[2]) = 1;
  });
  return result;
}

Mask eroded(const Mask& mask, double radius_mm) { return inverse(dilated(inverse(mask), radius_mm)); }

Mask opened(const Mask& mask, double radius_mm) { return dilated(eroded(mask, radius_mm), radius_mm); }

Mask closed(const Mask& mask, double radius_mm) { return eroded(dilated(mask, radius_mm), radius_mm); }

Mask largest_part(const Mask& mask) {
  std::vector<std::int32_t> part(mask.data.size());
  std::int32_t parts = 0, largest = 0;
  std::int64_t most = 0;
  for (std::size_t at = 0; at < mask.data.size(); ++at) {
    if (mask.data[at] == 0 || part[at] != 0) continue;
    const std::int64_t count = flood(mask, 1.0f, static_cast<std::int64_t>(at), ++parts, part);
    if (count > most) {
      most = count;
      largest = parts;
    }
  }
  Mask result = mask;
  for (std::size_t at = 0; at < part.size(); ++at) result.data[at] = largest != 0 && part[at] == largest ? 1.0f : 0.0f;
  return result;
}

Mask filled(const Mask& mask) {
  const Index& n = mask.geometry.size;
  std::vector<std::int32_t> outside(mask.data.size());
  std::size_t at = 0;
  for (std::int64_t k = 0; k < n[2]; ++k) {
    for (std::int64_t j = 0; j < n[1]; ++j) {
      for (std::int64_t i = 0; i < n[0]; ++i, ++at) {
        const bool border = i == 0 || j == 0 || k == 0 || i == n[0] - 1 || j == n[1] - 1 || k == n[2] - 1;
        if (border && mask.data[at] == 0 && outside[at] == 0) flood(mask, 0.0f, static_cast<std::int64_t>(at), 1, outside);
      }
    }
  }
  Mask result = mask;
  for (std::size_t v = 0; v < outside.size(); ++v) result.data[v] = outside[v] != 0 ? 0.0f : 1.0f;
  return result;
}

}  // namespace vitrine::imaging
