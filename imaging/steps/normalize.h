// Intensities on one scale: z-scores inside the brain, then a fixed map to [0, 1].
//
// z = (v - mean) / deviation over the brain;  u = clip((z + 3) / 9, 0, 1) inside the brain, 0 outside. An enhancing tumour lies at z
// of 3 to 6 on T1c, so the usual symmetric clip would saturate the lesion (docs/imaging.md).
#pragma once

#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

struct Normalized {
  Volume volume;
  double mean = 0, deviation = 1;
  double clipped_share = 0;  // of the brain's voxels
};

// DataError for fewer than 10,000 voxels in the mask or a constant volume; `what` names it in the message.
Normalized normalize(const Volume& volume, const Mask& brain, const std::string& what);

}  // namespace vitrine::imaging
