// Vitrine's steps as `vitrine bench imaging` calls them: the one place that knows their interfaces.
#pragma once

#include <string>

#include "imaging/simulator/scan.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// All throw what the steps throw.
Matrix4 our_registration(const Volume& t1c, const Volume& moving, Series series);  // T1c's points to those of `moving`
Mask our_brain(const Volume& volume, Series series);

struct CorrectedBias {
  Volume corrected, field;  // corrected x field = volume, up to a constant
};
CorrectedBias our_bias(const Volume& volume, const Mask& brain, const Mask& lesion, Series series);

// Everything that preparation does for one patient, from three volumes to three channels; the SHA-256 of what comes out.
std::string our_patient(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& lesion);

}  // namespace vitrine::imaging
