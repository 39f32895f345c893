// Smooth volumes and values between voxels, for the search of the brain. Sums in a stated order, one thread: the same bits everywhere.
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

// The value at a fractional index, linear between voxels; beyond the outermost voxel centres theirs.
float interpolated(const Volume& volume, const Vec3& index);

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
