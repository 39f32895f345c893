// One voxel of `resample` (imaging/volume.h): where it lies in the other volume, and its value from the eight voxels around. What resample does
// to whole volumes and the lineage of a pixel to single voxels is this arithmetic, so that both have the same bits.
#pragma once

#include <algorithm>

#include "imaging/volume.h"

namespace vitrine::imaging {

// Fractional index in `moving` of a voxel of the grid: an affine map, computed once. The place of a voxel is ((start + k) + j) + i steps.
struct IndexMap {
  Vec3 start;                // of voxel (0, 0, 0)
  std::array<Vec3, 3> step;  // per voxel along i, j, k

  IndexMap(const Geometry& grid, const Geometry& moving, const RigidTransform& transform) {
    const RigidMap map = transform.map();
    const auto mapped = [&](const Vec3& index) { return moving.to_index(map.apply(grid.to_physical(index))); };
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

  Vec3 row(std::int64_t j, std::int64_t k) const {
    Vec3 p;
    for (std::size_t c = 0; c < 3; ++c)
      p[c] = start[c] + step[2][c] * static_cast<double>(k) + step[1][c] * static_cast<double>(j);
    return p;
  }

  Vec3 at(std::int64_t i, std::int64_t j, std::int64_t k) const {
    const Vec3 p = row(j, k);
    const double n = static_cast<double>(i);
    return {p[0] + step[0][0] * n, p[1] + step[0][1] * n, p[2] + step[0][2] * n};
  }
};

// The eight voxels around a place inside the field of view: low and low + next along each axis; `weight` is the part of the second.
struct LinearPlace {
  std::array<std::int64_t, 3> low, next;  // next: 1, or 0 at the far end
  Vec3 weight;
};

inline LinearPlace linear_place(const Vec3& p, const std::array<std::int64_t, 3>& size) {
  LinearPlace place;
  for (std::size_t c = 0; c < 3; ++c) {
    const double clamped = std::clamp(p[c], 0.0, static_cast<double>(size[c] - 1));
    place.low[c] = static_cast<std::int64_t>(clamped);
    place.weight[c] = clamped - static_cast<double>(place.low[c]);
    place.next[c] = place.low[c] + 1 < size[c] ? 1 : 0;
  }
  return place;
}

// `base`: the voxel at `low`; `next`: how many values further the next one lies along each axis.
inline float trilinear(const float* base, const Vec3& weight, const std::array<std::int64_t, 3>& next) {
  const auto row = [&](const float* q) {
    const double a = static_cast<double>(q[0]);
    return a + weight[0] * (static_cast<double>(q[next[0]]) - a);
  };
  const auto plane = [&](const float* q) {
    const double a = row(q);
    return a + weight[1] * (row(q + next[1]) - a);
  };
  const double a = plane(base);
  return static_cast<float>(a + weight[2] * (plane(base + next[2]) - a));
}

}  // namespace vitrine::imaging
