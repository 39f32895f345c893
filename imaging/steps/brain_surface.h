// The brain's surface, decided by tissue near the place where the bent template has it.
//
// Band       deeper than 8 mm inside the template's surface all is brain, more than 5 mm outside nothing is; between, what shows brain tissue
// Tissue     T1, FLAIR: brighter than halfway from the dark ring around the brain (CSF, skull) to grey matter; T2: darker than halfway from grey
//            matter to CSF, brighter than halfway from skull to white matter. What is brighter than any tissue counts up to the template's surface:
//            lesions stay, dura, sinuses and marrow do not
// Shape      opened by 2.5 mm, the largest part, closed by 6 mm (sulci are brain), holes filled; then averaged with the template's own surface
#pragma once

#include "imaging/steps/head_deformation.h"

namespace vitrine::imaging {

struct BrainSurface {
  Volume
      inside;  // share of brain, a smooth field whose level of 0.5 is the surface; on the grid of `fine`'s part around the brain
  double template_ml = 0, common_ml = 0,
         tissue_ml = 0;  // the bent template's brain, what both share, and what tissue alone says
};

// `fine`: the volume in voxels of about 2 mm. Interrupted.
BrainSurface find_surface(const HeadTemplate& head, const HeadFit& fit, const Volume& fine, bool csf_is_bright);

}  // namespace vitrine::imaging
