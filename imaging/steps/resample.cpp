// resample_linear and resample_nearest of imaging/volume.h.
#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/volume.h"

namespace vitrine::imaging {
namespace {

// Fractional index in `moving` of a voxel of the grid: an affine map, computed once.
struct IndexMap {
  Vec3 start;                // of voxel (0, 0, 0)
  std::array<Vec3, 3> step;  // per voxel along i, j, k

  IndexMap(const Geometry& grid, const Geometry& moving, const RigidTransform& transform) {
    const auto mapped = [&](const Vec3& index) { return moving.to_index(transform.apply(grid.to_physical(index))); };
    start = mapped({0, 0, 0});
    for (std::size_t axis = 0; axis < 3; ++axis) {
      // The far end of the axis, divided by its length: rounding stays far below a voxel on any grid.
      const double length = static_cast<double>(std::max<std::int64_t>(grid.size[axis] - 1, 1));
      Vec3 end{0, 0, 0};
      end[axis] = length;
      end = mapped(end);
      for (std::size_t c = 0; c < 3; ++c) step[axis][c] = (end[c] - start[c]) / length;
    }
  }

  Vec3 at(std::int64_t i, std::int64_t j, std::int64_t k) const {
    Vec3 p;
    for (std::size_t c = 0; c < 3; ++c) {
      p[c] = start[c] + step[2][c] * static_cast<double>(k) + step[1][c] * static_cast<double>(j) +
             step[0][c] * static_cast<double>(i);
    }
    return p;
  }
};

float linear_at(const Volume& moving, const Vec3& p) {
  const std::array<std::int64_t, 3>& size = moving.geometry.size;
  std::array<std::int64_t, 3> low;
  std::array<double, 3> weight;
  std::array<std::int64_t, 3> next;
  const std::array<std::int64_t, 3> stride{1, size[0], size[0] * size[1]};
  for (std::size_t c = 0; c < 3; ++c) {
    const double clamped = std::clamp(p[c], 0.0, static_cast<double>(size[c] - 1));
    low[c] = static_cast<std::int64_t>(clamped);
    weight[c] = clamped - static_cast<double>(low[c]);
    next[c] = low[c] + 1 < size[c] ? stride[c] : 0;
  }
  const float* base = moving.data.data() + (low[2] * size[1] + low[1]) * size[0] + low[0];
  const auto row = [&](const float* q) {
    const double a = q[0];
    return a + weight[0] * (static_cast<double>(q[next[0]]) - a);
  };
  const auto plane = [&](const float* q) {
    const double a = row(q);
    return a + weight[1] * (row(q + next[1]) - a);
  };
  const double a = plane(base);
  return static_cast<float>(a + weight[2] * (plane(base + next[2]) - a));
}

float nearest_at(const Volume& moving, const Vec3& p) {
  const std::array<std::int64_t, 3>& size = moving.geometry.size;
  std::array<std::int64_t, 3> index;
  for (std::size_t c = 0; c < 3; ++c) {
    index[c] = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(p[c] + 0.5)), 0, size[c] - 1);
  }
  return moving.at(index[0], index[1], index[2]);
}

template <class Value>
Volume resample(const Volume& moving, const Geometry& grid, const RigidTransform& transform, const Value& value) {
  const IndexMap map(grid, moving.geometry, transform);
  Volume out{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()), 0.0F)};
  std::size_t n = 0;
  for (std::int64_t k = 0; k < grid.size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < grid.size[1]; ++j) {
      for (std::int64_t i = 0; i < grid.size[0]; ++i, ++n) {
        const Vec3 p = map.at(i, j, k);
        if (moving.geometry.holds(p)) out.data[n] = value(moving, p);
      }
    }
  }
  return out;
}

}  // namespace

Volume resample_linear(const Volume& moving, const Geometry& grid, const RigidTransform& transform) {
  return resample(moving, grid, transform, linear_at);
}

Mask resample_nearest(const Mask& moving, const Geometry& grid, const RigidTransform& transform) {
  return resample(moving, grid, transform, nearest_at);
}

}  // namespace vitrine::imaging
