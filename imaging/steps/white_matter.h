// The intensity of normal-appearing white matter, without a classification of tissue.
//
// White matter is the one tissue that fills whole cells of 3 mm deep in the brain, on every contrast. Cells that lie at least 8 mm inside the
// brain and 4 mm from a lesion (imaging/steps/bias_evidence.h) are weighed by how pure they are; the density of their means, by a Gaussian
// kernel of 3 % of the median in its logarithm, has its highest peak there; the value is the weighted mean of the cells within 6 % of it.
// The volume should be corrected for its bias field, which blurs the peak.
#pragma once

#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

struct WhiteMatter {
  double value = 0;      // in the volume's units
  double deviation = 0;  // of the cells within 6 % of the peak
  double share = 0;      // their part of the weight of all deep cells
  std::int64_t cells = 0;
};

// `lesion` may be empty (no voxels). DataError when fewer than 200 cells lie deep enough; `what` names the volume.
WhiteMatter find_white_matter(const Volume& volume, const Mask& brain, const Mask& lesion, const std::string& what);

}  // namespace vitrine::imaging
