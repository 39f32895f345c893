// Lesions, their slices, and the square around them.
//
// Lesion     a 26-connected component of the mask of at least 30 mm3; ordered by volume, the largest first
// Slices     at most three axial ones per lesion: the largest area first, then the next largest at least 2 mm away, each with at least
//            30 % of the largest area and 20 mm2
// Square     centred on the lesion's box in that slice; side 1.3 times the box's longer side, at least 4 mm more on every side and at
//            least 16 mm; pixels beyond the volume are 0
// Resize     to 64 x 64 by a triangle filter whose support grows with the scale when shrinking, so that nothing is skipped
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

struct LesionSlice {
  int lesion = 0;          // from 1
  std::int64_t slice = 0;  // index along k
  double area_mm2 = 0;
  double centre_i = 0, centre_j = 0;  // of the lesion's box, in voxels
  double side_mm = 0;
};

struct CropOptions {
  int size = 64;  // pixels
  int slices_per_lesion = 3;
  double minimum_volume_mm3 = 30;
  double minimum_area_mm2 = 20;
};

// DataError when the mask is empty, not made of zeros and ones, or has no lesion that is large enough; `what` names the subject.
std::vector<LesionSlice> find_lesion_slices(const Mask& mask, const CropOptions& options, const std::string& what);

// size * size values, rows from anterior to posterior as the volume's j axis runs.
std::vector<float> crop_slice(const Volume& volume, const LesionSlice& slice, int size);

}  // namespace vitrine::imaging
