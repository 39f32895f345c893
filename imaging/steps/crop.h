// Lesions, their slices, and the square around them.
//
// Lesion     a part of the mask of at least 30 mm3: where the mask has one value, its 26-connected parts, numbered by volume, the largest
//            first; where it has labels, all that carries one label, by that number
// Slices     at most three axial ones per lesion, or the largest alone: the largest area first, then the next largest at least
//            max(2 mm, the distance between slices) away, each with at least 30 % of the largest area and 20 mm2; of equal ones the nearer to
//            the lesion's centre of mass, then the lower one
// Square     centred on the lesion's box in that slice; pixels beyond the volume are 0
//            fit        side 1.3 times the box's longer side, at least 4 mm more on every side and at least 16 mm: every lesion fills its
//                       crop, and its size is no cue
//            fixed_fov  one side for all, 64 mm: its size stays a cue; a lesion that is wider is cut, with a warning
// Resize     to 64 x 64 by a triangle filter whose support grows with the scale when shrinking, so that nothing is skipped; the centre of
//            pixel p of n lies at (p + 0.5) / n of the side
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

enum class CropMode { fit, fixed_fov };
const char* name_of(CropMode mode);                 // "fit", "fixed-fov"
CropMode crop_mode_named(const std::string& name);  // UsageError for another name
int slices_named(const std::string& words);         // "1" to "100", or "largest": 1; UsageError for anything else

struct CropOptions {
  int size = 64;  // pixels
  CropMode mode = CropMode::fit;
  double fov_mm = 64;      // of fixed_fov
  double distance_mm = 2;  // between the slices of a lesion, at least; never less than the distance between neighbours
  int slices = 3;          // of a lesion, at most; 1 is the largest alone
  double minimum_volume_mm3 = 30;
  double minimum_area_mm2 = 20;
};

struct FoundLesion {
  int number = 0;
  int pieces = 1;
  double volume_mm3 = 0;
  int crops = 0;
};

// A lesion, a part of the mask or a number of them that gives no crop.
struct LeftOut {
  int lesion = 0;          // its number, or 0 for parts that have none
  std::int64_t parts = 1;  // that the entry stands for
  double volume_mm3 = 0;
  std::string reason;  // one sentence, as in the notes
};

struct LesionSearch {
  std::vector<FoundLesion> lesions;  // those that are large enough
  std::vector<LesionSlice> slices;
  std::vector<LeftOut> left_out;
};

// UsageError for options out of range: 1 to 100 slices, a distance of 0 to 1,000 mm, a field of view of 8 to 1,000 mm.
void check(const CropOptions& options);

// The lesions of a mask and the slices to cut. What is left out, lies at the border or reaches beyond it is noted. DataError when there is no
// slice to cut; `what` names the mask.
LesionSearch find_lesion_slices(const LesionMask& mask, const CropOptions& options, const std::string& what, Notes& notes);

std::string crop_name(const LesionSlice& slice);  // "l1_s45"

// For each of `size` pixels along an axis the voxels that it averages and their weights, of sum 1. `centre` and `side` in voxels.
struct CropTap {
  std::int64_t first = 0;  // of as many voxels as there are weights; those beyond the volume count as 0
  std::vector<double> weight;
};
std::vector<CropTap> crop_taps(double centre, double side, int size);

// One pixel: value(i, j) is asked for voxels inside the slice alone.
template <class Value>
float crop_pixel(const CropTap& row, const CropTap& column, const Geometry& g, const Value& value) {
  double sum = 0;
  for (std::size_t r = 0; r < row.weight.size(); ++r) {
    const std::int64_t j = row.first + static_cast<std::int64_t>(r);
    if (j < 0 || j >= g.size[1]) continue;
    for (std::size_t c = 0; c < column.weight.size(); ++c) {
      const std::int64_t i = column.first + static_cast<std::int64_t>(c);
      if (i >= 0 && i < g.size[0]) sum += row.weight[r] * column.weight[c] * static_cast<double>(value(i, j));
    }
  }
  return static_cast<float>(sum);
}

// size * size values: columns run to the patient's left, rows to posterior (imaging/orientation.h).
std::vector<float> crop_slice(const Volume& volume, const LesionSlice& slice, int size);

// The share of the crop's pixels that lie outside the field of view of `moving`; `transform` leads from T1c's grid to it.
double share_outside(const LesionSlice& slice, const Geometry& grid, const Geometry& moving, const RigidTransform& transform,
                     int size);

}  // namespace vitrine::imaging
