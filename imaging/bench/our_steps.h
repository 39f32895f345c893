// Vitrine's steps as `vitrine bench imaging` calls them: the one place that knows their interfaces.
#pragma once

#include <filesystem>
#include <string>

#include "imaging/brain/head_template.h"
#include "imaging/simulator/scan.h"
#include "imaging/steps/registration.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// All throw what the steps throw.
Registration our_registration(const Volume& t1c, const Volume& moving, Series series);
Mask our_brain(const Volume& volume, Series series, const HeadTemplate* head = nullptr);  // nullptr: the carried one

struct CorrectedBias {
  Volume corrected, field;  // corrected x field = volume, up to a constant
};
CorrectedBias our_bias(const Volume& volume, const Mask& brain, const Mask& lesion, Series series);

// What the checks of preparation see of a patient in whom nothing is wrong.
struct CheckFigures {
  double contrasts = 0;                   // of five that hold (imaging/steps/contrasts.h)
  double lesion_above = 0;                // imaging/steps/lesion_contrast.h
  double mirror = 0, peak = 0, loop = 0;  // imaging/steps/registration_checks.h; the worse of FLAIR and T2; mm
};
CheckFigures our_checks(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& brain, const Mask& lesion);

// Everything that preparation does for one patient, from the files of a case (imaging/bench/cases.h keep_bench_case) to channels and
// pictures; the SHA-256 of what comes out.
std::string our_patient(const std::filesystem::path& folder);

}  // namespace vitrine::imaging
