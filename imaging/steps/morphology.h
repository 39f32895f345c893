// Shapes of masks, by exact distances between voxel centres. All Interrupted.
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

// Everything within `radius_mm` of a voxel of the mask.
Mask dilated(const Mask& mask, double radius_mm);
// What is farther than `radius_mm` from everything outside; beyond the volume's border there is no outside.
Mask eroded(const Mask& mask, double radius_mm);
Mask opened(const Mask& mask, double radius_mm);  // eroded, then dilated
Mask closed(const Mask& mask, double radius_mm);  // dilated, then eroded

// The largest part whose voxels share faces; of equal ones that of the lowest voxel.
Mask largest_part(const Mask& mask);
// With every hole that is not connected to the volume's border through faces.
Mask filled(const Mask& mask);

}  // namespace vitrine::imaging
