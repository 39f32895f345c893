#include "imaging/subject.h"

#include <optional>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "imaging/brain/brain.h"
#include "imaging/formats/read_volume.h"
#include "imaging/steps/axial.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/contrasts.h"
#include "imaging/steps/feather.h"
#include "imaging/steps/lesion_contrast.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/mask_labels.h"
#include "imaging/steps/registration_checks.h"
#include "imaging/subject_checks.h"
#include "imaging/subject_files.h"

namespace vitrine::imaging {
namespace {

constexpr double kClippedBrain = 0.05, kClippedLesion = 0.05;

// A series on its way: as read, and on the axial grid.
struct Series {
  std::string column, name;
  Volume stored;      // in LPS order, on its own grid
  SeriesPlace place;  // its grid, and the transform from the axial grid (T1c's space) to it
  Volume volume;      // on the axial grid
  Mask covered;       // 1 where the series has something to say
  std::optional<Registration> registration;
};

class SubjectPreparation {
 public:
  SubjectPreparation(const Subject& subject, const std::map<std::string, std::string>& file_sha256,
                     const SubjectOptions& options)
      : subject_(subject), options_(options), files_(file_sha256, result_) {
    // All members first: adding one moves the others.
    for (const auto& [column, file] : subject.files()) result_.steps[column] = Json::object();
    for (const char* step : {"axial", "brain", "comparison"}) result_.steps[step] = Json::object();
  }

  PreparedSubject run() {
    read_t1c();
    find_lesions();
    coregister("flair", "FLAIR", subject_.flair);
    coregister("t2", "T2", subject_.t2);
    find_brain();
    compare();
    for (Series& s : series_) cover(s);
    weight_ = feather_weight(brain_, lesion_);
    for (Series& s : series_) finish(s);
    result_.lineage.grid = grid_;
    result_.lineage.size = options_.crop.size;
    for (const LesionSlice& s : result_.lesions.slices)
      result_.lineage.crops.push_back(crop_lineage(s, weight_, options_.crop.size));
    check_loop();
    if (options_.pictures) take_pictures();
    return std::move(result_);
  }

 private:
  void read_t1c() {
    ReadVolume file = files_.series("t1c", "T1c", subject_.t1c);
    note_extent(file.volume.geometry, result_.notes);
    const AxialGrid axial = axial_grid(file.volume.geometry);
    grid_ = axial.grid;
    recut_ = axial.recut;
    Json& step = result_.steps["axial"];
    step["recut"] = axial.recut;
    step["why"] = axial.why;
    step["size"] = Json::array({grid_.size[0], grid_.size[1], grid_.size[2]});
    step["spacing_mm"] = Json::array({grid_.spacing[0], grid_.spacing[1], grid_.spacing[2]});
    if (axial.recut) note(result_.notes, axial.why);
    Series t1c{"t1c", "T1c", std::move(file.volume), {}, {}, {}, {}};
    t1c.place.source = t1c.stored.geometry;
    t1c.volume = axial.recut ? resample(t1c.stored, grid_, {}, Interpolation::linear) : t1c.stored;
    series_.push_back(std::move(t1c));
  }

  const Series& t1c() const { return series_.front(); }

  void find_lesions() {
    const std::string what = text("the lesion mask ", subject_.mask);
    ReadVolume file = files_.mask("mask", "the lesion mask", subject_.mask, t1c().stored.geometry);
    LesionMask mask = understood_lesion_mask(chosen_labels(std::move(file.volume), subject_.mask_labels, what, result_.notes),
                                             file.order, what, result_.notes);
    if (recut_) {
      mask.drawn_on = mask.labels.geometry;
      mask.labels = recut_labels(mask.labels, grid_);
    }
    result_.lesions = find_lesion_slices(mask, options_.crop, what, result_.notes);
    Json left_out = Json::array();
    for (const LeftOut& l : result_.lesions.left_out)
      left_out.push_back({{"lesion_id", l.lesion}, {"parts", l.parts}, {"volume_mm3", l.volume_mm3}, {"reason", l.reason}});
    result_.steps["mask"]["left_out"] = std::move(left_out);
    lesion_ = std::move(mask.labels);
    for (float& v : lesion_.data) v = v != 0 ? 1.0f : 0.0f;
    result_.lesion_ml = volume_ml(lesion_);
  }

  void coregister(const std::string& column, const std::string& name, const std::filesystem::path& path) {
    if (path.empty()) return;
    const std::string what = text(name, " ", path);
    Series s{column, name, files_.series(column, name, path).volume, {}, {}, {}, {}};
    s.place.source = s.stored.geometry;
    Json& step = result_.steps[column];
    if (subject_.coregistered) {
      step["coregistered"] = "before, as the table says";
    } else {
      RegistrationOptions registration;
      registration.preset = options_.registration;
      s.registration = register_rigid(t1c().stored, s.stored, registration, what);
      for (Note& n : checked(*s.registration, name, what)) result_.notes.push_back(std::move(n));
      step["coregistration"] = record(*s.registration);
      s.place.transform = s.registration->transform;
      (column == "flair" ? result_.flair_metric : result_.t2_metric) = s.registration->metric_after;
    }
    s.volume = resample(s.stored, grid_, s.place.transform, Interpolation::linear);
    series_.push_back(std::move(s));
  }

  void find_brain() {
    Json& step = result_.steps["brain"];
    if (!subject_.brain_mask.empty()) {
      ReadVolume file = files_.mask("brain_mask", "the brain mask", subject_.brain_mask, t1c().stored.geometry);
      brain_ = understood_brain_mask(std::move(file.volume), file.order, text("the brain mask ", subject_.brain_mask),
                                     result_.notes);
      step["from"] = "the column brain_mask";
    } else {
      const std::string what = text("T1c ", subject_.t1c);
      Brain found = extract_brain(t1c().stored, {.contrast = HeadContrast::t1, .stripped = subject_.skull_stripped}, what);
      for (Note& n : found.notes) result_.notes.push_back(std::move(n));
      step = record(found);
      brain_ = std::move(found.mask);
    }
    if (recut_) brain_ = recut_labels(brain_, grid_);
    if (subject_.brain_mask.empty()) compare_brains(step);
    result_.brain_ml = volume_ml(brain_);
    const double outside = lesion_outside(brain_, lesion_);
    result_.steps["mask"]["outside_brain"] = outside;
    note_lesion_place(outside, !subject_.brain_mask.empty(), result_.lesion_ml, result_.brain_ml, result_.notes);
    brain_ = with_lesion(std::move(brain_), lesion_, kLesionMarginMm);
  }

  // The brain that a series shows by itself, on the axial grid; nothing when none is found there: T1c's is used all the same.
  std::optional<Mask> own_brain(const Series* s, HeadContrast contrast, Json& step) {
    if (s == nullptr) return std::nullopt;
    try {
      const Brain found = extract_brain(s->stored, {.contrast = contrast}, s->name);
      step[s->column] = record(found);
      return resample_nearest(found.mask, grid_, s->place.transform);
    } catch (const DataError& error) {
      note(result_.notes, text("T1c's brain could not be compared with that of ", s->name, ": ", error.what()));
      return std::nullopt;
    }
  }

  void compare_brains(Json& step) {
    const Series *flair = find("flair"), *t2 = find("t2");
    std::optional<Mask> in_flair = own_brain(flair, HeadContrast::flair, step), in_t2 = own_brain(t2, HeadContrast::t2, step);
    Mask in_t1c = brain_;
    for (const Series* s : {in_flair ? flair : nullptr, in_t2 ? t2 : nullptr}) {
      if (s == nullptr) continue;
      const Mask seen = coverage(s->place.source, grid_, s->place.transform);
      for (Mask* m : {&in_t1c, in_flair ? &*in_flair : nullptr, in_t2 ? &*in_t2 : nullptr}) {
        for (std::size_t i = 0; m != nullptr && i < seen.data.size(); ++i) m->data[i] *= seen.data[i];
      }
    }
    BrainAgreement agreement = brain_agreement(in_t1c, in_flair ? &*in_flair : nullptr, in_t2 ? &*in_t2 : nullptr);
    if (agreement.t1c_flair >= 0) step["dice_t1c_flair"] = agreement.t1c_flair;
    if (agreement.t1c_t2 >= 0) step["dice_t1c_t2"] = agreement.t1c_t2;
    if (agreement.flair_t2 >= 0) step["dice_flair_t2"] = agreement.flair_t2;
    for (Note& n : agreement.notes) result_.notes.push_back(std::move(n));
  }

  const Series* find(const std::string& column) const {
    for (const Series& s : series_) {
      if (s.column == column) return &s;
    }
    return nullptr;
  }

  // The brain as far as all of these series reach.
  Mask seen_by(const std::vector<const Series*>& series) const {
    Mask seen = brain_;
    for (const Series* s : series) {
      const Mask there = coverage(s->place.source, grid_, s->place.transform);
      for (std::size_t i = 0; i < seen.data.size(); ++i) seen.data[i] *= there.data[i];
    }
    return seen;
  }

  // Does the mask show a lesion, do the series show one head, and each the contrast of its column?
  void compare() {
    const LesionContrast seen = lesion_contrast(t1c().volume, brain_, lesion_);
    if (seen.measured) {
      result_.steps["comparison"]["lesion_above_surroundings"] = seen.above_surroundings;
      result_.steps["comparison"]["lesion_brightest"] = seen.brightest;
    }
    for (Note& n : lesion_contrast_notes(seen)) result_.notes.push_back(std::move(n));
    const Series *flair = find("flair"), *t2 = find("t2");
    result_.agreement = series_agreement(t1c().volume, flair ? &flair->volume : nullptr, t2 ? &t2->volume : nullptr, brain_);
    for (Note& n : agreement_notes(result_.agreement)) result_.notes.push_back(std::move(n));
    if (flair == nullptr || t2 == nullptr) return;
    const ContrastCheck contrasts = check_contrasts(t1c().volume, flair->volume, t2->volume, seen_by({flair, t2}), lesion_);
    result_.steps["comparison"]["contrasts_holding"] = contrasts.measured ? contrasts.as_given.holding() : -1;
    for (Note& n : contrast_notes(contrasts)) result_.notes.push_back(std::move(n));
  }

  // T1c to FLAIR to T2 against T1c to T2: told last, since a series that shows nothing is refused for that.
  void check_loop() {
    const Series *flair = find("flair"), *t2 = find("t2");
    if (flair == nullptr || t2 == nullptr) return;
    if (!flair->registration || !t2->registration) return;
    RegistrationOptions registration;
    registration.preset = options_.registration;
    registration.mirror_test = false;
    const Registration between =
        register_rigid(flair->stored, t2->stored, registration, text("FLAIR ", subject_.flair, " and T2 ", subject_.t2));
    const double loop = loop_closure_mm(*flair->registration, between.transform, t2->registration->transform);
    const auto sound = [](const Registration& r) { return peak_ratio(r) >= kWeakPeak && mirror_ratio(r) >= kSameHeadRatio; };
    if (loop > kLoopRefuseMm && peak_ratio(between) < kWeakPeak && sound(*flair->registration) && sound(*t2->registration)) {
      warn(result_.notes,
           "FLAIR could not be laid over T2 by itself, so that the three registrations could not be compared; look at the "
           "pairs");
      return;
    }
    result_.steps["comparison"]["loop_mm"] = loop;
    for (Note& n : loop_notes(loop, "T1c -> FLAIR -> T2", text("FLAIR ", subject_.flair, " and T2 ", subject_.t2)))
      result_.notes.push_back(std::move(n));
  }

  void cover(Series& s) {
    if (s.column == "t1c" && !recut_) return;
    s.covered = coverage(s.place.source, grid_, s.place.transform);
    result_.steps[s.column]["uncovered_brain"] =
        note_coverage(s.covered, s.place, brain_, s.name, result_.lesions, options_.crop.size, result_.notes);
  }

  // The brain as far as the series covers it.
  Mask seen_brain(const Series& s) const {
    Mask seen = brain_;
    if (s.covered.data.empty()) return seen;
    for (std::size_t i = 0; i < seen.data.size(); ++i) seen.data[i] *= s.covered.data[i];
    return seen;
  }

  void finish(Series& s) {
    Json& step = result_.steps[s.column];
    const Mask seen = seen_brain(s);
    Volume corrected = s.volume;
    fields_.emplace_back();
    SeriesLineage lineage{s.column, s.place.source, s.place.transform, s.column != "t1c" || recut_, {}, {}};
    if (subject_.bias_corrected) {
      step["bias"] = "corrected before, as the table says";
    } else {
      BiasCorrection bias = correct_bias(s.volume, seen, lesion_, {}, s.name);
      step["bias"] = record(bias);
      corrected = std::move(bias.corrected);
      fields_.back() = std::move(bias.field);
      lineage.bias = std::move(bias.model);
    }
    Normalized n = normalize(corrected, seen, lesion_, options_.normalization, s.name);
    step["normalisation"] = record(n);
    const double clipped = clipped_lesion(n.volume, lesion_);
    step["clipped_lesion_share"] = clipped;
    if (n.clipped_share > kClippedBrain)
      warn(result_.notes,
           text(s.name, ": ", percent(n.clipped_share), " of the brain lies beyond the range that is kept and was clipped"));
    if (clipped > kClippedLesion)
      note(result_.notes,
           text(s.name, ": ", percent(clipped), " of the lesions lies beyond the range that is kept and was clipped"));
    Volume shown = feathered(n.shown(std::move(corrected)), weight_);
    if (!s.covered.data.empty()) {  // where the series has nothing to say it says nothing
      for (std::size_t i = 0; i < shown.data.size(); ++i) shown.data[i] *= s.covered.data[i];
    }
    result_.channels.push_back({s.column, std::move(shown)});
    n.volume = {};
    lineage.normalisation = std::move(n);
    result_.lineage.series.push_back(std::move(lineage));
  }

  void take_pictures() {
    const Series *flair = find("flair"), *t2 = find("t2");
    QcInputs inputs{t1c().volume, flair ? &flair->volume : nullptr, t2 ? &t2->volume : nullptr, brain_, lesion_};
    for (std::size_t i = 0; i < series_.size(); ++i) {
      const std::size_t place = series_[i].column == "t1c" ? 0 : series_[i].column == "flair" ? 1 : 2;
      if (!fields_[i].data.empty()) inputs.fields[place] = &fields_[i];
    }
    result_.pictures = qc_pictures(inputs);
  }

  const Subject& subject_;
  const SubjectOptions& options_;
  PreparedSubject result_;
  SubjectFiles files_;
  Geometry grid_;
  bool recut_ = false;
  std::vector<Series> series_;
  std::vector<Volume> fields_;  // of each series
  Mask lesion_, brain_;         // the brain with the lesions and their margin
  Volume weight_;               // of what crops show
};

}  // namespace

PreparedSubject prepare_subject(const Subject& subject, const std::map<std::string, std::string>& file_sha256,
                                const SubjectOptions& options) {
  const EndsWithoutMemory itk_cannot_unwind;
  return SubjectPreparation(subject, file_sha256, options).run();
}

}  // namespace vitrine::imaging
