#include "imaging/subject.h"

#include "base/error.h"
#include "imaging/bias_field.h"
#include "imaging/brain.h"
#include "imaging/normalize.h"
#include "imaging/registration.h"

namespace vitrine::imaging {
namespace {

constexpr double kGridTolerance = 0.5;  // voxels at the corners: a mask that is further off was drawn on another grid
constexpr double kLesionMargin = 2;     // mm around the lesion that always count as brain

Json vector_json(const Vec3& v) { return Json::array({v[0], v[1], v[2]}); }

// A mask on T1c's grid. `column` names it in messages.
Mask read_mask(const std::filesystem::path& path, const Geometry& grid, const std::string& what, const char* column) {
  Mask mask = read_nifti(path);
  const double distance = corner_distance(mask.geometry, grid);
  if (!(distance <= kGridTolerance)) {
    const auto& a = mask.geometry.size;
    const auto& b = grid.size;
    throw DataError(text(what, ": the ", column, " ", path.string(), " lies on another grid than T1c (", a[0], " x ", a[1],
                         " x ", a[2], " voxels against ", b[0], " x ", b[1], " x ", b[2], ", corners ", distance,
                         " voxels apart); resample it to T1c"));
  }
  mask.geometry = grid;
  return mask;
}

Mask brain_of(const Subject& subject, const Volume& t1c, const Mask& lesion, const std::string& what) {
  Mask brain;
  if (subject.brain_mask.empty()) {
    brain = extract_brain(t1c, {}, what);
  } else {
    brain = read_mask(subject.brain_mask, t1c.geometry, what, "brain mask");
    for (float& v : brain.data) v = v > 0 ? 1.0f : 0.0f;
  }
  const Mask margin = dilated(lesion, kLesionMargin);
  for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] = std::max(brain.data[i], margin.data[i]);
  return brain;
}

Volume coregistered(const Volume& t1c, const std::filesystem::path& path, const std::string& what, Json& record) {
  const Volume moving = read_nifti(path);
  const Registration r = register_rigid(t1c, moving, what);
  record["angles_rad"] = vector_json(r.transform.angles);
  record["translation_mm"] = vector_json(r.transform.translation);
  record["centre_mm"] = vector_json(r.transform.centre);
  record["metric_before"] = r.metric_before;
  record["metric_after"] = r.metric_after;
  record["start"] = r.start;
  record["iterations"] = r.iterations;
  return resample_linear(moving, t1c.geometry, r.transform);
}

Volume corrected_and_normalised(const Volume& volume, const Mask& brain, const std::string& what, Json& record) {
  const BiasCorrection bias = correct_bias(volume, brain, what);
  Normalized n = normalize(bias.corrected, brain, what);
  record["field_low"] = bias.field_low;
  record["field_high"] = bias.field_high;
  record["mean"] = n.mean;
  record["deviation"] = n.deviation;
  record["clipped_share"] = n.clipped_share;
  return std::move(n.volume);
}

}  // namespace

PreparedSubject prepare_subject(const Subject& subject, const CropOptions& options) {
  const std::string what = "subject " + subject.id;
  PreparedSubject result;
  const Volume t1c = read_nifti(subject.t1c);
  const Mask lesion = read_mask(subject.mask, t1c.geometry, what, "lesion mask");
  result.slices = find_lesion_slices(lesion, options, what);
  const Volume flair = coregistered(t1c, subject.flair, what + ": FLAIR", result.steps["flair"]);
  const Volume t2 = coregistered(t1c, subject.t2, what + ": T2", result.steps["t2"]);
  const Mask brain = brain_of(subject, t1c, lesion, what);
  result.steps["brain_ml"] = volume_ml(brain);
  result.steps["lesion_ml"] = volume_ml(lesion);
  result.channels[0] = corrected_and_normalised(t1c, brain, what + ": T1c", result.steps["t1c"]);
  result.channels[1] = corrected_and_normalised(flair, brain, what + ": FLAIR", result.steps["flair"]);
  result.channels[2] = corrected_and_normalised(t2, brain, what + ": T2", result.steps["t2"]);
  return result;
}

}  // namespace vitrine::imaging
