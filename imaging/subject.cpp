#include "imaging/subject.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/number.h"
#include "imaging/formats/read_volume.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/brain.h"
#include "imaging/steps/normalize.h"
#include "imaging/steps/registration.h"

namespace vitrine::imaging {
namespace {

constexpr double kGridTolerance = 0.5;  // voxels at the corners: a mask that is further off was drawn on another grid
constexpr double kSilentShift = 0.02;   // voxels; more is noted
constexpr double kLesionMargin = 2;     // mm around the lesion that always count as brain
constexpr double kObliqueDegrees = 5;   // from here on it is noted
constexpr double kThickPixel = 2;       // mm, and 1.5 times the other side
constexpr double kSmallestHead = 100;   // mm that a head measures at least along every axis
constexpr double kClippedBrain = 0.05, kClippedLesion = 0.05, kUncoveredBrain = 0.01, kLesionOutside = 0.2, kLargeLesion = 0.25;

Json vector_json(const Vec3& v) { return Json::array({v[0], v[1], v[2]}); }

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

// Reads a subject's files and remembers what was read, so that a second copy of the same voxels is seen.
class SubjectFiles {
 public:
  SubjectFiles(const std::map<std::string, std::string>& expected, PreparedSubject& result)
      : expected_(expected), result_(result) {}

  ReadVolume series(const std::string& column, const std::string& name, const std::filesystem::path& path) {
    ReadVolume file = read_series(path);
    remember(column, name, path, file);
    return file;
  }

  // On T1c's grid.
  ReadVolume mask(const std::string& column, const std::string& name, const std::filesystem::path& path, const Geometry& grid) {
    ReadVolume file = read_volume(path, [&](const NiftiClaim& claim) { check_grid(claim.geometry, grid, name); });
    const double off = corner_distance(file.volume.geometry, grid);
    if (off > kSilentShift)
      warn(result_.notes, text(name, " lies ", fixed(off, 2), " voxels off T1c's grid; it was taken to lie on it"));
    file.volume.geometry = grid;
    remember(column, name, path, file);
    return file;
  }

 private:
  static void check_grid(const Geometry& g, const Geometry& grid, const std::string& name) {
    const double off = corner_distance(g, grid);
    if (off <= kGridTolerance) return;
    const auto &a = g.size, &b = grid.size;
    throw DataError(text(name, " lies on another grid than T1c: ", a[0], " x ", a[1], " x ", a[2],
                         " voxels (to the left, back, top) against ", b[0], " x ", b[1], " x ", b[2],
                         std::isfinite(off) ? text(", corners up to ", fixed(off, 2), " voxels apart") : std::string(),
                         "; resample it to T1c"));
  }

  void remember(const std::string& column, const std::string& name, const std::filesystem::path& path, const ReadVolume& file) {
    if (const auto found = expected_.find(column); found != expected_.end() && found->second != file.file_sha256)
      throw DataError(text(path, " changed while the subject was prepared; run the same command again"));
    for (const auto& [other, hash] : result_.voxels_sha256) {
      if (hash == file.voxels_sha256)
        throw DataError(
            text("the ", column, " file ", path, " holds the same voxels as the ", other, " file; give each its own"));
    }
    result_.voxels_sha256[column] = file.voxels_sha256;
    Json& step = result_.steps[column];
    const Geometry& g = file.volume.geometry;
    step["stored_as"] = file.order.code;
    step["degrees_off"] = file.order.most_degrees_off();
    step["size"] = Json::array({g.size[0], g.size[1], g.size[2]});
    step["spacing_mm"] = vector_json(g.spacing);
    step["origin_mm"] = vector_json(g.origin);
    step["remarks"] = file.remarks;
    if (file.order.most_degrees_off() <= kObliqueDegrees) return;
    const std::string off =
        text(name, " is oblique: an axis lies ", fixed(file.order.most_degrees_off(), 1), " degrees off the patient's; ");
    if (column == "t1c") {
      warn(result_.notes, off + "crops are cut along its slices and are so far from axial");
    } else if (column == "flair" || column == "t2") {
      note(result_.notes, off + "it was resampled to T1c");
    }
  }

  const std::map<std::string, std::string>& expected_;
  PreparedSubject& result_;
};

void note_grid(const Geometry& g, Notes& notes) {
  const double longer = std::max(g.spacing[0], g.spacing[1]), shorter = std::min(g.spacing[0], g.spacing[1]);
  if (longer > kThickPixel && longer > 1.5 * shorter) {
    warn(notes, text("T1c has axial pixels of ", fixed(g.spacing[0], 2), " x ", fixed(g.spacing[1], 2),
                     " mm: it was taken in other slices, and its crops are blurred along one side"));
  }
  constexpr std::array<const char*, 3> kWays{"from right to left", "from front to back", "from bottom to top"};
  for (std::size_t c = 0; c < 3; ++c) {
    const double extent = static_cast<double>(g.size[c]) * g.spacing[c];
    if (extent < kSmallestHead) warn(notes, text("T1c covers ", fixed(extent, 0), " mm ", kWays[c], ": less than a head"));
  }
}

double count(const Mask& mask) {
  double n = 0;
  for (const float v : mask.data) n += v != 0 ? 1 : 0;
  return n;
}

// The brain with the lesions and a margin around them.
Mask brain_of(const Subject& subject, const Volume& t1c, SubjectFiles& files, PreparedSubject& result) {
  if (subject.brain_mask.empty()) return extract_brain(t1c, {}, text("T1c ", subject.t1c));
  ReadVolume file = files.mask("brain_mask", "the brain mask", subject.brain_mask, t1c.geometry);
  return understood_brain_mask(std::move(file.volume), file.order, text("the brain mask ", subject.brain_mask), result.notes);
}

// A brain that was extracted may lack lesions at its border, which then come back with their margin; one that was given should hold them.
void note_lesion_place(const Mask& brain, bool is_given, const Mask& lesion, PreparedSubject& result) {
  double outside = 0;
  for (std::size_t i = 0; i < brain.data.size(); ++i) outside += lesion.data[i] != 0 && brain.data[i] == 0 ? 1 : 0;
  const double share = outside / count(lesion);
  result.steps["mask"]["outside_brain"] = share;
  if (share > kLesionOutside && is_given)
    warn(result.notes,
         text(percent(share), " of the lesion mask lies outside the brain mask; check that both are of this patient"));
  if (share > kLesionOutside && !is_given)
    note(result.notes, text(percent(share), " of the lesion mask lies outside the extracted brain and was added to it"));
  if (result.lesion_ml > kLargeLesion * result.brain_ml) {
    warn(result.notes, text("the lesion mask has ", fixed(result.lesion_ml, 1), " ml, more than a quarter of the brain's ",
                            fixed(result.brain_ml, 1), " ml; check it"));
  }
}

Mask with_margin(Mask brain, const Mask& lesion) {
  const Mask margin = dilated(lesion, kLesionMargin);
  for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] = std::max(brain.data[i], margin.data[i]);
  return brain;
}

struct Coregistered {
  Volume volume;    // on T1c's grid
  Geometry source;  // of the series
  RigidTransform transform;
};

Coregistered coregistered(const Volume& t1c, ReadVolume moving, const std::string& what, Json& record) {
  const Registration r = register_rigid(t1c, moving.volume, what);
  record["angles_rad"] = vector_json(r.transform.angles);
  record["translation_mm"] = vector_json(r.transform.translation);
  record["centre_mm"] = vector_json(r.transform.centre);
  record["metric_before"] = r.metric_before;
  record["metric_after"] = r.metric_after;
  record["start"] = r.start;
  record["iterations"] = r.iterations;
  return {resample_linear(moving.volume, t1c.geometry, r.transform), moving.volume.geometry, r.transform};
}

// Where a series does not reach, its channel is 0, which is not what it would show.
void note_coverage(const Coregistered& c, const Mask& brain, const std::string& name, const CropOptions& options,
                   PreparedSubject& result, Json& record) {
  const Geometry& g = brain.geometry;
  double outside = 0, all = 0;
  std::size_t at = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
        if (brain.data[at] == 0) continue;
        const Vec3 p = g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        ++all;
        outside += c.source.holds(c.source.to_index(c.transform.apply(p))) ? 0 : 1;
      }
    }
  }
  record["uncovered_brain"] = outside / all;
  if (outside / all > kUncoveredBrain)
    warn(result.notes, text(name, " does not cover ", percent(outside / all),
                            " of the brain; it is 0 there, also in what it is normalised by"));
  for (const LesionSlice& s : result.lesions.slices) {
    const double share = share_outside(s, g, c.source, c.transform, options.size);
    if (share > 0)
      warn(result.notes, text(name, " does not cover ", percent(share), " of crop ", crop_name(s), "; it is 0 there"));
  }
}

// `field`: what the series was divided by.
Volume corrected_and_normalised(const Volume& volume, const Mask& brain, const Mask& lesion, const std::string& name,
                                PreparedSubject& result, Json& record, Volume& field) {
  const BiasCorrection bias = correct_bias(volume, brain, name);
  field = {volume.geometry, std::vector<float>(volume.data.size(), 1.0f)};
  for (std::size_t i = 0; i < field.data.size(); ++i) {
    if (bias.corrected.data[i] > 0 && volume.data[i] > 0) field.data[i] = volume.data[i] / bias.corrected.data[i];
  }
  Normalized n = normalize(bias.corrected, brain, name);
  double clipped = 0;
  for (std::size_t i = 0; i < lesion.data.size(); ++i)
    clipped += lesion.data[i] != 0 && (n.volume.data[i] <= 0 || n.volume.data[i] >= 1) ? 1 : 0;
  const double share = clipped / count(lesion);
  record["field_low"] = bias.field_low;
  record["field_high"] = bias.field_high;
  record["mean"] = n.mean;
  record["deviation"] = n.deviation;
  record["clipped_share"] = n.clipped_share;
  record["clipped_lesion_share"] = share;
  if (n.clipped_share > kClippedBrain)
    warn(result.notes,
         text(name, ": ", percent(n.clipped_share), " of the brain lies beyond -3 to 6 deviations of it and was clipped"));
  if (share > kClippedLesion)
    note(result.notes,
         text(name, ": ", percent(share), " of the lesions lies beyond -3 to 6 deviations of the brain and was clipped"));
  return std::move(n.volume);
}

}  // namespace

PreparedSubject prepare_subject(const Subject& subject, const std::map<std::string, std::string>& file_sha256,
                                const CropOptions& options) {
  const EndsWithoutMemory itk_cannot_unwind;
  PreparedSubject result;
  // All members first: adding one moves the others.
  for (const auto& [column, file] : subject.files()) result.steps[column] = Json::object();
  SubjectFiles files(file_sha256, result);
  const Volume t1c = files.series("t1c", "T1c", subject.t1c).volume;
  note_grid(t1c.geometry, result.notes);
  Mask lesion;
  {
    ReadVolume file = files.mask("mask", "the lesion mask", subject.mask, t1c.geometry);
    const std::string what = text("the lesion mask ", subject.mask);
    LesionMask mask = understood_lesion_mask(std::move(file.volume), file.order, what, result.notes);
    result.lesions = find_lesion_slices(mask, options, what, result.notes);
    lesion = std::move(mask.labels);
    for (float& v : lesion.data) v = v != 0 ? 1.0f : 0.0f;
  }
  result.lesion_ml = volume_ml(lesion);
  Mask brain = brain_of(subject, t1c, files, result);
  result.brain_ml = volume_ml(brain);
  note_lesion_place(brain, !subject.brain_mask.empty(), lesion, result);
  const Coregistered flair =
      coregistered(t1c, files.series("flair", "FLAIR", subject.flair), text("FLAIR ", subject.flair), result.steps["flair"]);
  const Coregistered t2 = coregistered(t1c, files.series("t2", "T2", subject.t2), text("T2 ", subject.t2), result.steps["t2"]);
  result.agreement = series_agreement(t1c, flair.volume, t2.volume, brain);
  for (Note& n : agreement_notes(result.agreement)) result.notes.push_back(std::move(n));
  brain = with_margin(std::move(brain), lesion);
  note_coverage(flair, brain, "FLAIR", options, result, result.steps["flair"]);
  note_coverage(t2, brain, "T2", options, result, result.steps["t2"]);
  std::array<Volume, 3> fields;
  const std::pair<const Volume*, const char*> series[] = {{&t1c, "T1c"}, {&flair.volume, "FLAIR"}, {&t2.volume, "T2"}};
  const char* columns[] = {"t1c", "flair", "t2"};
  for (std::size_t c = 0; c < 3; ++c)
    result.channels[c] = corrected_and_normalised(*series[c].first, brain, lesion, series[c].second, result,
                                                  result.steps[columns[c]], fields[c]);
  result.pictures = qc_pictures(
      {t1c, &flair.volume, &t2.volume, brain, lesion, {&fields[0], &fields[1], &fields[2]}, options.minimum_volume_mm3});
  return result;
}

}  // namespace vitrine::imaging
