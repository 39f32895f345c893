// Lesions, their slices, and the square around them.
//
// Lesion     a part of the mask of at least 30 mm3: where the mask has one value, its 26-connected parts, numbered by volume, the largest
//            first; where it has labels, all that carries one label, by that number
// Slices     at most three axial ones per lesion: the largest area first, then the next largest at least 2 mm away, each with at least
//            30 % of the largest area and 20 mm2
// Square     centred on the lesion's box in that slice; side 1.3 times the box's longer side, at least 4 mm more on every side and at
//            least 16 mm; pixels beyond the volume are 0
// Resize     to 64 x 64 by a triangle filter whose support grows with the scale when shrinking, so that nothing is skipped
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imaging/notes.h"
#include "imaging/steps/mask.h"
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

struct FoundLesion {
  int number = 0;
  int pieces = 1;
  double volume_mm3 = 0;
  int crops = 0;
};

struct LesionSearch {
  std::vector<FoundLesion> lesions;  // those that are large enough
  std::vector<LesionSlice> slices;
};

// The lesions of a mask and the slices to cut. What is left out, lies at the border or reaches beyond it is noted. DataError when there is no
// slice to cut; `what` names the mask.
LesionSearch find_lesion_slices(const LesionMask& mask, const CropOptions& options, const std::string& what, Notes& notes);

std::string crop_name(const LesionSlice& slice);  // "l1_s45"

// size * size values: columns run to the patient's left, rows to posterior (imaging/orientation.h).
std::vector<float> crop_slice(const Volume& volume, const LesionSlice& slice, int size);

// The share of the crop's pixels that lie outside the field of view of `moving`; `transform` leads from T1c's grid to it.
double share_outside(const LesionSlice& slice, const Geometry& grid, const Geometry& moving, const RigidTransform& transform,
                     int size);

}  // namespace vitrine::imaging
