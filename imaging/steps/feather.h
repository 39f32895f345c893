// Where a volume that is 0 outside the brain shows what lies there all the same: around lesions, so that no black edge stands at a lesion's
// rim, least of all where a brain mask has lost the cortex beside it.
//
// Weight     1 in the brain; beyond it, by the distance d to the nearest voxel of a lesion (between centres):
//            1 for d <= show (8 mm), (1 + cos(pi (d - show) / fade)) / 2 up to show + fade (12 mm), 0 further out
//            A lesion with 2 mm around it is therefore always inside. Around it real tissue shows, whatever the mask says of it; the
//            weight falls smoothly (its slope is 0 at both ends), at most by pi / 2 / fade a mm.
// Applied    weight * value: the volume must have its values outside the brain too (Normalized::shown)
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

struct FeatherOptions {
  double show_mm = 8;  // at least 2
  double fade_mm = 4;  // above 0
};

// Both masks are 0 or not on one grid; the lesion may be empty of voxels that are set. UsageError for options beyond their range.
Volume feather_weight(const Mask& brain, const Volume& lesion, const FeatherOptions& options = {});

// weight * value at every voxel.
Volume feathered(Volume volume, const Volume& weight);

}  // namespace vitrine::imaging
