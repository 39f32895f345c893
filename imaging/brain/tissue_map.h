// Brain tissue, voxel by voxel, where CSF is dark (T1, FLAIR).
#pragma once

#include "imaging/brain/head_deformation.h"

namespace vitrine::imaging {

// How much each voxel looks like brain, 0 to 1. Sheets thinner than some 4 mm (dura, vessels, skin), bright or not, do not; nor does what is not connected to
// the brain by bridges of 5 mm (scalp, muscle); bright parts that are thicker, and dark pockets
// beside them (necrosis), may or may not (0.5). Interrupted.
Volume tissue_map(const HeadTemplate& head, const HeadFit& fit, const Volume& volume);

// The mean of `volume` in each voxel of a coarser grid; 0 where it does not reach.
Volume averaged_onto(const Volume& volume, const Geometry& grid);

}  // namespace vitrine::imaging
