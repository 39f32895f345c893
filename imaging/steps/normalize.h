// Intensities on one scale: an affine map by what is measured inside the brain, clipped to [0, 1], and 0 outside the brain.
//
// zscore        z = (v - mean) / deviation over the brain;  u = (z + 3) / 9. An enhancing tumour lies at z of 3 to 6 on T1c, so the usual
//               symmetric clip would saturate the lesion (docs/imaging.md).
// minmax        u = (v - low) / (high - low), low and high the quantiles 0.005 and 0.995 over the brain: a large bright lesion is clipped
// white-matter  u = v / (4 w), w the intensity of normal-appearing white matter (steps/white_matter.h): white matter lies at 0.25, and fluid on
//               T2, some 3.6 times as bright, is not clipped
#pragma once

#include <string>

#include "base/json.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

enum class NormalizationMethod { zscore, minmax, white_matter };
const char* name_of(NormalizationMethod method);                   // "zscore", "minmax", "white-matter"
NormalizationMethod normalization_named(const std::string& name);  // UsageError for another name

struct Normalized {
  Volume volume;  // 0 outside the brain
  NormalizationMethod method = NormalizationMethod::zscore;
  double mean = 0, deviation = 1;                   // over the brain
  double low = 0, high = 0;                         // quantiles 0.005 and 0.995 over the brain (minmax), else 0
  double white_matter = 0, white_matter_share = 0;  // its intensity, and its part of the deep cells (white-matter), else 0
  double offset = 0, scale = 1;                     // u = clip((v - offset) / scale, 0, 1)
  double clipped_share = 0;                         // of the brain's voxels

  // The same map at every voxel of a volume, outside the brain too: what imaging/steps/feather.h fades.
  Volume shown(Volume volume) const;
  float shown(float value) const;
};

// `lesion` may be empty (no voxels); only white-matter asks for it. DataError for fewer than 10,000 voxels in the mask or a constant volume;
// `what` names the volume.
Normalized normalize(const Volume& volume, const Mask& brain, const Mask& lesion, NormalizationMethod method,
                     const std::string& what);
// zscore.
Normalized normalize(const Volume& volume, const Mask& brain, const std::string& what);

Json record(const Normalized& normalized);

}  // namespace vitrine::imaging
