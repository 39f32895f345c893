// Brain extraction from a T1 volume, without an atlas.
//
// Steps      average to 2 mm; Gaussian of 1.5 mm; Otsu's threshold; opening by a ball (erosion, the largest component, dilation by
//            the same ball inside the thresholded head); closing by a ball; holes filled; back to the volume's grid
// Refused    a mask that begins more than 45 mm below the top of the head: a neck
// Approximate: a mask that the user brings always wins. Reference: Otsu 1979, doi 10.1109/TSMC.1979.4310076
#pragma once

#include <array>
#include <string>

#include "base/json.h"
#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct BrainOptions {
  double smoothing_mm = 1.5;
  // More than half the width of the bridges between brain and scalp. Noise and a bias field may break a brain apart at a radius that
  // another head needs: they are tried in order until the result has the volume of an adult brain (1,000 to 1,900 ml; the nearest
  // to 1,400 ml when none has).
  std::array<double, 4> opening_mm = {8, 6.5, 5, 4};
  double growth_mm = 5;  // the core grows by this much more than it was eroded, over voxels above low_share of the threshold
  double low_share = 0.4;
  double closing_mm = 8;
};

struct Brain {
  Mask mask;
  double ml = 0;
  Notes notes;  // what makes the mask doubtful
};

// DataError when no brain of 400 to 2,500 ml is found; `what` names the volume in the message.
Brain extract_brain(const Volume& t1, const BrainOptions& options, const std::string& what);

// The brain of a volume that was stripped before: what is not exactly the background's value, holes filled. DataError when that is no blob of a
// brain's size, so that the volume cannot have been stripped.
Brain stripped_brain(const Volume& t1, const std::string& what);

Json record(const Brain& brain);

// 2 |a and b| / (|a| + |b|); 1 for two empty masks.
double dice(const Mask& a, const Mask& b);

inline constexpr double kLesionMarginMm = 2;  // around the lesions that always count as brain

// The brain, the lesions and everything within `margin_mm` of a lesion.
Mask with_lesion(Mask brain, const Mask& lesion, double margin_mm);

// Everything within `radius_mm` of a voxel of the mask, by exact distances between centres. Interrupted.
Mask dilated(const Mask& mask, double radius_mm);

}  // namespace vitrine::imaging
