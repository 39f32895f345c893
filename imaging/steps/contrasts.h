// Does each coregistered series have the contrast of its column? A file in the wrong column gives crops that look well and mean nothing.
//
// Measure    inside the brain, 4 mm from its border and 12 mm from the lesions, on volumes averaged to 2 mm. Fluid: the brightest 4 % of the
//            series taken for T2. Five figures that no gain and no offset of a scanner changes: of each series the median of the fluid less
//            that of the brain, in units of the distance between its 10 % and 90 % quantile outside the brightest quarter of T2; and
//            the correlation of T1c with T2 and of FLAIR with T2 there (white matter is brighter than grey on T1, darker on both others)
// Expected   T1c below -0.55, FLAIR below -0.8, T2 above 0.9, T1c against T2 negative, FLAIR against T2 positive. On 14 simulated heads (`bench imaging` prints it for its own; two
//            anatomies; SPGR, MPRAGE and SE) all five hold with room (at most -0.68 and -1.41, at least 1.97, at most -0.32, at least 0.35);
//            where columns are exchanged at most three do
// Decision   an order of the columns that fits all five where the given one fits three at most: they look exchanged. No order that fits, and
//            three or fewer in the given one: doubtful. Fewer than 2,000 voxels, or no fluid in any of the three: nothing is said.
#pragma once

#include <array>
#include <string>

#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct ContrastFigures {
  double fluid_t1c = 0, fluid_flair = 0, fluid_t2 = 0;
  double t1c_with_t2 = 0, flair_with_t2 = 0;  // correlations
  int holding() const;                        // of the five expectations
};

struct ContrastCheck {
  bool measured = false;
  ContrastFigures as_given;
  std::array<int, 3> best{0, 1, 2};  // which column's file seems to be T1c, FLAIR and T2
  int best_holding = 0;
};

// All on one grid; `lesion` may be empty. Interrupted.
ContrastCheck check_contrasts(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& brain, const Mask& lesion);

// DataError when columns look exchanged, saying which; a warning when no order fits.
Notes contrast_notes(const ContrastCheck& check);

}  // namespace vitrine::imaging
