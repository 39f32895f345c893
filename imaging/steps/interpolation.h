// One interpolation of a series onto another grid.
//
// linear     conservative: no value beyond its neighbours
// cubic      cubic B-spline that runs through the voxels (Unser 1999, doi 10.1109/79.799930), mirrored at the border, brought back to the values
//            that the series has: an overshoot would make a rim that no tissue has
// Blur       where the grid is coarser than the series along an axis of the series, it is first smoothed there by a Gaussian of FWHM
//            sqrt(grid^2 - series^2), so that fine detail does not alias
#pragma once

#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

enum class Interpolation { linear, cubic };

const char* name_of(Interpolation interpolation);
Interpolation interpolation_named(const std::string& name);  // UsageError for another name

// `transform` maps points of the grid to points of `moving`; 0 outside its field of view. Interrupted.
Volume resample_series(const Volume& moving, const Geometry& grid, const RigidTransform& transform,
                       Interpolation interpolation);

}  // namespace vitrine::imaging
