// The brain's surface, decided by tissue near the place where the bent template has it.
//
// Band       deeper than 8 mm inside the template's surface, bent or not, all is brain (holes and dark lesions too), more than 0.5 mm outside nothing is (T2: 1.6 mm inside, since there the
//            template ends at the skull); between, what shows brain tissue (tissue_map.h)
// Shape      opened by 2 mm, the largest part, closed by 6 mm (sulci are brain), holes filled; a Gaussian of 1.5 mm; the surface is where it is 0.5
#pragma once

#include "imaging/brain/head_deformation.h"

namespace vitrine::imaging {

struct BrainSurface {
  Volume
      inside;  // share of brain, a smooth field whose level of 0.5 is the surface; on the grid of `fine`'s part around the brain
  double template_ml = 0, common_ml = 0,
         tissue_ml = 0;  // the bent template's brain, what both share, and what tissue alone says
};

// `fine`: the volume in voxels of about 2 mm. Interrupted.
BrainSurface find_surface(const HeadTemplate& head, const HeadFit& fit, const Volume& fine);

}  // namespace vitrine::imaging
