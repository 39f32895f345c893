// Can this be a brain? By place, shape and symmetry, and by volume last.
#pragma once

#include "imaging/brain/brain.h"
#include "imaging/brain/head_registration.h"
#include "imaging/brain/surface.h"

namespace vitrine::imaging {

// What the registration, the surface and the mask say; `coarse`: the volume in voxels of about 4 mm.
BrainFigures brain_figures(const HeadTemplate& head, const HeadRegistration& registration, const HeadFit& fit,
                           const BrainSurface& surface, const Mask& mask, const Volume& coarse);

// DataError for what is no brain, with the remedy; notes for what is unusual. The limits stand in the .cpp.
void check_brain(const BrainFigures& figures, double ml, HeadContrast expected, const std::string& what, Notes& notes);

inline constexpr double kWholeBrain = 0.98;  // share of the template inside the field of view

// Warns of a volume that adults' brains do not have.
void note_volume(double ml, Notes& notes);

}  // namespace vitrine::imaging
