// Distances to a mask.
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

// From every voxel's centre to that of the mask's nearest voxel, in mm: exact up to `most_mm`, and `most_mm` for all that is further, an empty
// mask included. Interrupted.
Volume distance_to(const Mask& mask, double most_mm);

}  // namespace vitrine::imaging
