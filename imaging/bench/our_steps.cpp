#include "imaging/bench/our_steps.h"

#include "base/sha256.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/brain.h"
#include "imaging/steps/normalize.h"
#include "imaging/steps/registration.h"

namespace vitrine::imaging {
namespace {

constexpr double kLesionMargin = 2;  // mm, as preparation adds it

std::string name_of(Series series) { return series == Series::t1c ? "T1c" : series == Series::flair ? "FLAIR" : "T2"; }

}  // namespace

Matrix4 our_registration(const Volume& t1c, const Volume& moving, Series series) {
  return matrix_of(register_rigid(t1c, moving, name_of(series)).transform);
}

Mask our_brain(const Volume& volume, Series series) { return extract_brain(volume, {}, name_of(series)); }

CorrectedBias our_bias(const Volume& volume, const Mask& brain, const Mask&, Series series) {
  CorrectedBias out{correct_bias(volume, brain, name_of(series)).corrected, volume};
  for (std::size_t n = 0; n < volume.data.size(); ++n) {
    const double v = static_cast<double>(volume.data[n]), corrected = static_cast<double>(out.corrected.data[n]);
    out.field.data[n] = v > 0 && corrected > 0 ? static_cast<float>(v / corrected) : 1.0f;
  }
  return out;
}

std::string our_patient(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& lesion) {
  Mask brain = our_brain(t1c, Series::t1c);
  const Mask margin = dilated(lesion, kLesionMargin);
  for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] = std::max(brain.data[i], margin.data[i]);
  Sha256 hash;
  const auto finish = [&](const Volume& v, Series series) {
    const Normalized n = normalize(our_bias(v, brain, lesion, series).corrected, brain, name_of(series));
    hash.update({reinterpret_cast<const char*>(n.volume.data.data()), n.volume.data.size() * sizeof(float)});
  };
  finish(t1c, Series::t1c);
  finish(resample_linear(flair, t1c.geometry, register_rigid(t1c, flair, "FLAIR").transform), Series::flair);
  finish(resample_linear(t2, t1c.geometry, register_rigid(t1c, t2, "T2").transform), Series::t2);
  return hash.hex();
}

}  // namespace vitrine::imaging
