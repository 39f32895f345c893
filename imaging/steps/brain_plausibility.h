// Can this be a brain? By place, shape and symmetry, and by volume last.
#pragma once

#include "imaging/steps/brain.h"
#include "imaging/steps/brain_surface.h"
#include "imaging/steps/head_registration.h"

namespace vitrine::imaging {

// What the registration, the surface and the mask say; `volume` is the one that the mask lies on.
BrainFigures brain_figures(const HeadTemplate& head, const HeadRegistration& registration, const HeadFit& fit,
                           const BrainSurface& surface, const Mask& mask);

// DataError for what is no brain, with the remedy; notes for what is unusual. The limits stand in the .cpp.
void check_brain(const BrainFigures& figures, double ml, HeadContrast expected, const std::string& what, Notes& notes);

// The brain of a volume without skull; a mask without a voxel for a head.
Mask stripped_brain(const Volume& volume);

}  // namespace vitrine::imaging
