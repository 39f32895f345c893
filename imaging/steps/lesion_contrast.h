// Does the mask show a lesion of this T1c? A mask of another patient or another place has the right size and marks healthy brain.
//
// Measure    on T1c averaged to 2 mm, in units of the distance between the brain's 10 % and 90 % quantile: the lesions' median above that of
//            the brain 4 to 12 mm around them, and the lesions' 90 % quantile above the brain's median (rings around dark necrosis)
// Expected   at least one of them: on 14 simulated heads (`bench imaging` prints the first for its own) the first is 1.8 or more and the second 2.1 or more; of masks that were moved by
//            30 mm or mirrored the first is at most 0.3 and the second seldom above 0.8, unless they meet the lesion again
// Reference  what enhances after gadolinium is brighter than white matter (docs/simulator.md has the equations)
#pragma once

#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct LesionContrast {
  bool measured = false;
  double above_surroundings = 0, brightest = 0;
};

inline constexpr double kLeastAbove = 0.6, kLeastBrightest = 1.2;

// All on one grid. Not measured when fewer than 8 voxels of 2 mm are lesion, or surroundings. Interrupted.
LesionContrast lesion_contrast(const Volume& t1c, const Mask& brain, const Mask& lesion);

// A warning when neither figure is what a lesion shows.
Notes lesion_contrast_notes(const LesionContrast& contrast);

}  // namespace vitrine::imaging
