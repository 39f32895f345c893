// Filters that bring two volumes to one resolution. Sums run in the order of the voxels, in single precision along one row at a time: the same
// bits on every run. What lies beyond the border repeats the voxel at it.
#pragma once

#include <array>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

// Means over whole blocks of factor[0] x factor[1] x factor[2] voxels; what is left over at the far ends is dropped. Factors are at least 1.
Volume block_means(const Volume& volume, const std::array<std::int64_t, 3>& factor);

// Convolution along one axis (0, 1, 2) with an odd number of taps, the middle one at the voxel itself.
Volume convolved(const Volume& volume, std::size_t axis, const std::vector<double>& taps);

// A Gaussian of standard deviation sigma_mm along each axis, cut at 3.5 of them and of sum 1; an axis with less than a fifth of a voxel stays.
Volume gaussian_smoothed(Volume volume, const Vec3& sigma_mm);

// The mean over a segment of `width_mm` along `direction` (a unit vector, LPS) about each voxel: what a slice of that thickness sees of a
// sharper volume. Trilinear between voxels.
Volume box_smoothed(const Volume& volume, const Vec3& direction, double width_mm);

}  // namespace vitrine::imaging
