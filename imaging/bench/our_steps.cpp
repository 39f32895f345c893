#include "imaging/bench/our_steps.h"

#include "base/error.h"
#include "base/sha256.h"
#include "imaging/steps/agreement.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/brain.h"
#include "imaging/steps/contrasts.h"
#include "imaging/steps/feather.h"
#include "imaging/steps/normalize.h"
#include "imaging/steps/registration_checks.h"

namespace vitrine::imaging {
namespace {

constexpr double kLesionMargin = 2;  // mm, as preparation adds it

std::string name_of(Series series) { return series == Series::t1c ? "T1c" : series == Series::flair ? "FLAIR" : "T2"; }

}  // namespace

Matrix4 our_registration(const Volume& t1c, const Volume& moving, Series series) {
  return matrix_of(register_rigid(t1c, moving, name_of(series)).transform);
}

Mask our_brain(const Volume& volume, Series series) { return extract_brain(volume, {}, name_of(series)).mask; }

CorrectedBias our_bias(const Volume& volume, const Mask& brain, const Mask& lesion, Series series) {
  BiasCorrection bias = correct_bias(volume, brain, lesion, {}, name_of(series));
  return {std::move(bias.corrected), std::move(bias.field)};
}

// In the order of imaging/subject.cpp, comparisons included.
std::string our_patient(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& lesion) {
  const Registration to_flair = register_rigid(t1c, flair, "FLAIR"), to_t2 = register_rigid(t1c, t2, "T2");
  Sha256 hash;
  const auto add = [&](const Volume& v) {
    hash.update({reinterpret_cast<const char*>(v.data.data()), v.data.size() * sizeof(float)});
  };
  const Mask brain = with_lesion(our_brain(t1c, Series::t1c), lesion, kLesionMargin);
  RegistrationOptions between;
  between.mirror_test = false;
  hash.update(text(loop_closure_mm(to_flair, register_rigid(flair, t2, between, "T2").transform, to_t2.transform)));
  const Volume flair_here = resample(flair, t1c.geometry, to_flair.transform, Interpolation::linear),
               t2_here = resample(t2, t1c.geometry, to_t2.transform, Interpolation::linear);
  const SeriesAgreement agreement = series_agreement(t1c, &flair_here, &t2_here, brain);
  hash.update(text(agreement.t1c_flair.shift_mm, " ", check_contrasts(t1c, flair_here, t2_here, brain, lesion).best_holding));
  const Volume weight = feather_weight(brain, lesion);
  const auto finish = [&](const Volume& v, Series series) {
    Volume corrected = our_bias(v, brain, lesion, series).corrected;
    const Normalized n = normalize(corrected, brain, lesion, NormalizationMethod::zscore, name_of(series));
    add(feathered(n.shown(std::move(corrected)), weight));
  };
  finish(t1c, Series::t1c);
  finish(flair_here, Series::flair);
  finish(t2_here, Series::t2);
  return hash.hex();
}

}  // namespace vitrine::imaging
