// Smooth volumes and values between voxels, for the search of the brain. Sums in a stated order, one thread: the same bits everywhere.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// A fractional index between eight voxels; beyond the outermost voxel centres it lies at them. One for all volumes of a grid.
struct Between {
  std::int64_t first, step[3];  // the lowest voxel, and how far the next lies along each axis
  float share[3];               // of the next

  Between(const Geometry& g, const Vec3& index) : first(0) {
    std::int64_t stride = 1;
    for (std::size_t c = 0; c < 3; ++c) {
      const std::int64_t last = g.size[c] - 1;
      const double x = std::clamp(index[c], 0.0, static_cast<double>(last));
      const std::int64_t low = std::min(static_cast<std::int64_t>(x), std::max<std::int64_t>(0, last - 1));
      step[c] = last > 0 ? stride : 0;
      share[c] = static_cast<float>(x - static_cast<double>(low));
      first += low * stride;
      stride *= g.size[c];
    }
  }

  float of(const Volume& volume) const {
    const float* p = volume.data.data() + first;
    const auto mix = [](float a, float b, float t) { return a + t * (b - a); };
    const auto along = [&](const float* q) { return mix(q[0], q[step[0]], share[0]); };
    const float low = mix(along(p), along(p + step[1]), share[1]),
                high = mix(along(p + step[2]), along(p + step[2] + step[1]), share[1]);
    return mix(low, high, share[2]);
  }
};

// The value at a fractional index, linear between voxels.
inline float interpolated(const Volume& volume, const Vec3& index) { return Between(volume.geometry, index).of(volume); }

// work(at, place in mm) for every voxel, x fastest. Interrupted.
template <class Work>
void each_voxel(const Geometry& g, const Work& work) {
  std::size_t at = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt("brain extraction");
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at)
        work(at, g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
    }
  }
}

// The voxel nearest to a fractional index.
inline std::size_t nearest_voxel(const Geometry& g, const Vec3& index) {
  std::size_t voxel = 0;
  for (std::size_t c = 3; c-- > 0;) {
    const std::int64_t n = std::clamp<std::int64_t>(std::llround(index[c]), 0, g.size[c] - 1);
    voxel = voxel * static_cast<std::size_t>(g.size[c]) + static_cast<std::size_t>(n);
  }
  return voxel;
}

// Three running means along each axis, whose spread is that of a Gaussian of `sigma_mm`; beyond the border the outermost value goes on.
// Along an axis where this is less than half a voxel nothing is done. Interrupted.
Volume smoothed(Volume volume, double sigma_mm);

// The least value of each voxel and its neighbours within `radius_mm` along the axes, then the greatest of these: bright sheets and threads that are
// thinner than twice the radius vanish. An axis whose voxels are larger than the radius is left alone. Interrupted.
Volume without_sheets(Volume volume, double radius_mm);

// The part of a grid from voxel `low` on, `size` voxels along each axis.
Geometry part_of(const Geometry& g, const std::array<std::int64_t, 3>& low, const std::array<std::int64_t, 3>& size);
Volume part_of(const Volume& volume, const std::array<std::int64_t, 3>& low, const std::array<std::int64_t, 3>& size);

// The part of a volume that lies in the box of another grid.
Volume part_in(const Volume& volume, const Geometry& box);

}  // namespace vitrine::imaging
