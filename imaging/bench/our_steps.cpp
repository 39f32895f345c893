#include "imaging/bench/our_steps.h"

#include <algorithm>

#include "base/sha256.h"
#include "imaging/brain/brain.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/contrasts.h"
#include "imaging/steps/lesion_contrast.h"
#include "imaging/steps/registration_checks.h"
#include "imaging/subject.h"

namespace vitrine::imaging {
namespace {

std::string name_of(Series series) { return series == Series::t1c ? "T1c" : series == Series::flair ? "FLAIR" : "T2"; }

}  // namespace

Registration our_registration(const Volume& t1c, const Volume& moving, Series series) {
  return register_rigid(t1c, moving, name_of(series));
}

Mask our_brain(const Volume& volume, Series series, const HeadTemplate* head) {
  return extract_brain(volume, {.head = head}, name_of(series)).mask;
}

CorrectedBias our_bias(const Volume& volume, const Mask& brain, const Mask& lesion, Series series) {
  BiasCorrection bias = correct_bias(volume, brain, lesion, {}, name_of(series));
  return {std::move(bias.corrected), std::move(bias.field)};
}

CheckFigures our_checks(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& brain, const Mask& lesion) {
  const Registration to_flair = our_registration(t1c, flair, Series::flair), to_t2 = our_registration(t1c, t2, Series::t2);
  const auto here = [&](const Volume& v, const Registration& r) {
    return resample(v, t1c.geometry, r.transform, Interpolation::linear);
  };
  CheckFigures f;
  f.contrasts = check_contrasts(t1c, here(flair, to_flair), here(t2, to_t2), brain, lesion).as_given.holding();
  f.lesion_above = lesion_contrast(t1c, brain, lesion).above_surroundings;
  f.mirror = std::min(mirror_ratio(to_flair), mirror_ratio(to_t2));
  f.peak = std::min(peak_ratio(to_flair), peak_ratio(to_t2));
  f.loop = loop_closure_mm(to_flair, our_registration(flair, t2, Series::t2).transform, to_t2.transform);
  return f;
}

std::string our_patient(const std::filesystem::path& folder) {
  Subject subject;
  subject.id = "patient";
  subject.label = "SCLC";
  subject.t1c = folder / "t1c.nii.gz";
  subject.flair = folder / "flair.nii.gz";
  subject.t2 = folder / "t2.nii.gz";
  subject.mask = folder / "lesion.nii.gz";
  const PreparedSubject prepared = prepare_subject(subject, {}, {});
  Sha256 hash;
  for (const PreparedChannel& c : prepared.channels)
    hash.update({reinterpret_cast<const char*>(c.volume.data.data()), c.volume.data.size() * sizeof(float)});
  for (const QcPicture& p : prepared.pictures) hash.update(p.png);
  return hash.hex();
}

}  // namespace vitrine::imaging
