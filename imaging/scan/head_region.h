// Where the head is, roughly: for checks of a cohort, not for any result.
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

struct HeadRegion {
  Mask inside;            // on a grid of 3 mm, or the slices' distance where that is more
  double ml = 0;          // its volume
  double width_mm = 0;    // from right to left, at its widest
  double zero_share = 0;  // voxels of the image that are exactly 0
  bool looks_stripped() const;
};

// Brighter than a tenth of the way from the 2nd to the 98th percentile, or between such voxels both from right to left and from front to back:
// dark fluid and dead tissue lie inside. Interrupted.
HeadRegion head_region(const Volume& image);

// The share of marked voxels that lie outside the head; 0 when none are marked.
double share_outside(const Mask& mask, const HeadRegion& head);

}  // namespace vitrine::imaging
