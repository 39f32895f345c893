#include "imaging/prep.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/output.h"
#include "base/sha256.h"
#include "imaging/cohort.h"
#include "imaging/crop_file.h"
#include "imaging/equal_files.h"
#include "imaging/lineage_source.h"
#include "imaging/quality.h"
#include "imaging/subject.h"
#include "imaging/subject_record.h"
#include "report/qc.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr int kVersion = 5;  // of the steps and their constants: raise it when a result changes, and nothing old is kept
constexpr int kMostListed = 20;

constexpr const char* kManifest = "manifest.csv";
constexpr const char* kPage = "qc.html";
constexpr const char* kSummary = "prep.json";

Json options_json(const SubjectOptions& o) {
  return {{"version", kVersion},
          {"size", o.crop.size},
          {"mode", name_of(o.crop.mode)},
          {"fov_mm", o.crop.fov_mm},
          {"distance_mm", o.crop.distance_mm},
          {"slices", o.crop.slices},
          {"minimum_volume_mm3", o.crop.minimum_volume_mm3},
          {"minimum_area_mm2", o.crop.minimum_area_mm2},
          {"normalisation", name_of(o.normalization)},
          {"registration", name_of(o.registration)},
          {"pictures", o.pictures}};
}

// What a subject's results depend on.
Json inputs_json(const Subject& s, const ColumnHashes& hashes) {
  Json inputs = Json::object();
  inputs["label"] = s.label;
  for (const auto& [column, file] : s.files()) inputs[column] = hashes.at(column);
  Json labels = Json::array();
  for (const int label : s.mask_labels) labels.push_back(label);
  inputs["mask_labels"] = std::move(labels);
  inputs["coregistered"] = s.coregistered;
  inputs["skull_stripped"] = s.skull_stripped;
  inputs["bias_corrected"] = s.bias_corrected;
  return inputs;
}

CropOwner owner_of(const Subject& subject) {
  CropOwner owner{subject.id, subject.label, ""};
  if (subject.flair.empty()) owner.without = "flair";
  if (subject.t2.empty()) owner.without += owner.without.empty() ? "t2" : ",t2";
  return owner;
}

class CohortPreparation {
 public:
  CohortPreparation(std::vector<Subject> subjects, fs::path table, fs::path out, const PrepOptions& options, Progress& progress)
      : subjects_(std::move(subjects)),
        table_(std::move(table)),
        out_(std::move(out)),
        options_(options),
        progress_(progress),
        hashes_(subjects_.size()),
        outcomes_(subjects_.size()) {}

  void make_folders() {
    for (const char* folder : {"crops", "previews", "subjects", "lineage"}) {
      make_directory(out_ / folder);
      check_plain_files(out_ / folder);
    }
    for (const Subject& s : subjects_) {
      make_directory(out_ / "qc" / s.id);
      check_plain_files(out_ / "qc" / s.id);
    }
  }

  // The first subject, which is the only one: others of the folder may be in work elsewhere.
  void run_one() {
    make_folders();
    for_each_subject([this](std::size_t i) {
      if (!subjects_[i].flaw.empty()) throw DataError(subjects_[i].flaw);
      hashes_[i] = file_hashes(subjects_[i]);
      prepare(i);
    });
    if (refused_ > 0) throw DataError(text("subject ", subjects_[0].id, ": ", outcomes_[0].refused));
  }

  PrepResult run() {
    make_folders();
    progress_.line(text("prep  reading the files of ", subjects_.size(), " subjects"));
    for_each_subject([this](std::size_t i) {
      if (!subjects_[i].flaw.empty()) throw DataError(subjects_[i].flaw);
      hashes_[i] = file_hashes(subjects_[i]);
    });
    refuse_equal(hashes_, "bytes");
    for_each_subject([this](std::size_t i) { prepare(i); });
    std::vector<ColumnHashes> voxels(subjects_.size());
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      if (outcomes_[i].record) voxels[i] = outcomes_[i].record->voxels_sha256;
    }
    refuse_equal(voxels, "voxels");
    compare_with_cohort();
    publish();
    refuse_at_end();
    return std::move(result_);
  }

 private:
  // Calls work(i) for every subject that is not refused, `jobs` at a time. A DataError refuses the subject; any other exception ends the loop
  // and is rethrown here.
  void for_each_subject(const std::function<void(std::size_t)>& work) {
    next_ = 0;
    std::vector<std::jthread> workers;
    try {
      for (int job = 1; job < std::min<int>(options_.jobs, static_cast<int>(subjects_.size())); ++job)
        workers.emplace_back([this, &work] { take_subjects(work); });
    } catch (const std::system_error&) {  // no more threads: those that there are do the work
    } catch (...) {
      stop_ = true;
      throw;
    }
    take_subjects(work);
    workers.clear();
    if (fatal_) std::rethrow_exception(fatal_);
    check_interrupt("preparation");
  }

  void take_subjects(const std::function<void(std::size_t)>& work) {
    while (true) {
      const std::size_t i = next_++;
      if (i >= subjects_.size() || stop_ || interrupt_requested()) return;
      if (!outcomes_[i].refused.empty()) continue;
      try {
        try {
          work(i);
        } catch (const DataError& error) {
          refuse(i, error.what());
        }
      } catch (...) {
        const std::scoped_lock lock(mutex_);
        if (!fatal_) fatal_ = std::current_exception();
        stop_ = true;
      }
    }
  }

  void refuse(std::size_t i, const std::string& why) {
    const std::scoped_lock lock(mutex_);
    withdraw();
    done_ += outcomes_[i].record ? 0 : 1;  // its copy may have been found after both were prepared
    outcomes_[i].refused = why;
    outcomes_[i].record.reset();
    ++refused_;
    show(i, text("refused: ", why));
  }

  void refuse_equal(const std::vector<ColumnHashes>& hashes, const std::string& what) {
    const std::vector<std::string> flaws = equal_file_flaws(subjects_, hashes, what);
    for (std::size_t i = 0; i < flaws.size(); ++i) {
      if (outcomes_[i].refused.empty() && !flaws[i].empty()) refuse(i, flaws[i]);
    }
  }

  // Holding mutex_.
  void show(std::size_t i, const std::string& what) {
    progress_.line(text("prep  ", done_, "/", subjects_.size(), "  ", subjects_[i].id, "  ", what),
                   {.event = "item", .done = done_, .total = subjects_.size()});
  }

  // Takes back what stands for the whole folder, once, before a part of it changes. Holding mutex_.
  void withdraw() {
    if (withdrawn_) return;
    withdrawn_ = true;
    for (const char* name : {kManifest, kPage, kSummary}) {  // the one that says whose they are goes last
      std::error_code problem;
      fs::remove(out_ / name, problem);
      if (problem) throw FileError(text("cannot remove ", out_ / name, ": ", problem.message()));
    }
  }

  fs::path record_path(std::size_t i) const { return out_ / "subjects" / (subjects_[i].id + ".json"); }

  // The record of a subject that was prepared before with the same inputs and options and whose files are as they were.
  std::optional<SubjectRecord> kept_record(std::size_t i, const std::string& key) {
    if (!path_exists(record_path(i))) return std::nullopt;
    std::string why;
    try {
      SubjectRecord record = parse_record(read_file(record_path(i), kMaxJson), subjects_[i].id, subjects_[i].label);
      if (record.key != key) return std::nullopt;
      why = changed_file(record, subjects_[i].id, out_);
      if (why.empty()) return record;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception& error) {
      why = text("its record: ", error.what());
    }
    progress_.warn(text(subjects_[i].id, ": ", why, "; the subject is prepared again"));
    return std::nullopt;
  }

  void prepare(std::size_t i) {
    const Subject& subject = subjects_[i];
    const FolderLock lock_of_subject(out_ / "qc" / subject.id);  // another process may prepare others
    Json basis = Json::object();
    basis["inputs"] = inputs_json(subject, hashes_[i]);
    basis["options"] = options_json(options_.subject);
    const std::string key = sha256(json_text(basis));
    std::optional<SubjectRecord> record = kept_record(i, key);
    const bool kept = record.has_value();
    if (!kept) {
      {
        const std::scoped_lock lock(mutex_);
        withdraw();
      }
      record = prepared_record(subject, basis, hashes_[i]);
      record->key = key;
      write_file(record_path(i), record_text(*record, subject.id));
      remove_other_crops(*record, subject.id, out_);
      for (const Note& n : record->notes) progress_.warn(text(subject.id, ": ", n.text));
    }
    const std::size_t crops = record->samples.size();
    outcomes_[i].record = std::move(record);
    const std::scoped_lock lock(mutex_);
    ++(kept ? result_.kept : result_.prepared);
    ++done_;
    show(i, text(crops, crops == 1 ? " crop" : " crops", kept ? ", kept" : ""));
  }

  // Prepares the subject and replaces its crops, once all of the new ones are there.
  SubjectRecord prepared_record(const Subject& subject, const Json& basis, const ColumnHashes& hashes) {
    PreparedSubject prepared = prepare_subject(subject, hashes, options_.subject);
    std::vector<MadeCrop> made;
    for (const LesionSlice& slice : prepared.lesions.slices) {
      check_interrupt("preparation");
      made.push_back(make_crop(owner_of(subject), slice, prepared.channels, options_.subject.crop.size));
    }
    SubjectRecord record;
    record.inputs = basis.at("inputs");
    record.options = basis.at("options");
    record.flair_metric = prepared.flair_metric;
    record.t2_metric = prepared.t2_metric;
    record.steps = std::move(prepared.steps);
    record.notes = std::move(prepared.notes);
    record.voxels_sha256 = std::move(prepared.voxels_sha256);
    record.agreement = prepared.agreement;
    record.brain_ml = prepared.brain_ml;
    record.lesion_ml = prepared.lesion_ml;
    record.lesions = std::move(prepared.lesions.lesions);
    prepared.lineage.subject_id = subject.id;
    const std::string lineage = lineage_bytes(prepared.lineage);
    record.lineage_sha256 = sha256(lineage);
    const InterruptsDeferred deferred;
    for (const MadeCrop& m : made) {
      write_file(out_ / m.recorded.sample.file, m.crop);
      write_file(out_ / m.recorded.sample.preview, m.preview);
      record.samples.push_back(m.recorded);
    }
    write_file(out_ / lineage_name(subject.id), lineage);
    for (const QcPicture& p : prepared.pictures) {
      record.pictures.push_back({p.name, p.caption, picture_file(subject.id, p.name), sha256(p.png)});
      write_file(out_ / record.pictures.back().file, p.png);
    }
    return record;
  }

  void compare_with_cohort() {
    const std::vector<Notes> notes = cohort_notes(outcomes_);
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      std::optional<SubjectRecord>& record = outcomes_[i].record;
      if (!record) continue;
      if (record->cohort_notes == notes[i]) continue;
      for (const Note& n : notes[i]) progress_.warn(text(subjects_[i].id, ": ", n.text));
      record->cohort_notes = notes[i];
      write_file(record_path(i), record_text(*record, subjects_[i].id));
    }
  }

  void publish() {
    result_.manifest.path = out_ / kManifest;
    Json summary = Json::object();
    summary["cohort"] = cohort_place(table_, out_);
    summary["options"] = options_json(options_.subject);
    summary["subjects"] = subjects_.size() - static_cast<std::size_t>(refused_);
    Json refused = Json::array();
    int warnings = 0;
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      if (!outcomes_[i].record) {
        refused.push_back({{"subject_id", subjects_[i].id}, {"reason", outcomes_[i].refused}});
        continue;
      }
      const SubjectRecord& r = *outcomes_[i].record;
      for (const Notes* notes : {&r.notes, &r.cohort_notes})
        warnings += static_cast<int>(std::count_if(notes->begin(), notes->end(), [](const Note& n) { return n.warning; }));
      for (const RecordedSample& s : r.samples) result_.manifest.samples.push_back(s.sample);
    }
    summary["samples"] = result_.manifest.samples.size();
    summary["warnings"] = warnings;
    summary["refused"] = std::move(refused);
    const std::string page = report::qc_html(qc_page(subjects_, outcomes_, out_));
    const InterruptsDeferred deferred;
    write_file(out_ / kSummary, json_text(summary));
    write_file(out_ / kPage, page);
    if (result_.manifest.samples.empty()) return withdraw_manifest();
    write_manifest(result_.manifest);
  }

  void withdraw_manifest() {
    std::error_code problem;
    fs::remove(out_ / kManifest, problem);
    if (problem) throw FileError(text("cannot remove ", out_ / kManifest, ": ", problem.message()));
  }

  void refuse_at_end() {
    if (refused_ == 0) return;
    const std::size_t good = subjects_.size() - static_cast<std::size_t>(refused_);
    const std::string rest =
        good == 0 ? text("; no subject is left, so there is no ", kManifest) : text("; ", kManifest, " holds the other ", good);
    int listed = 0;
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      if (outcomes_[i].refused.empty()) continue;
      if (refused_ == 1) throw DataError(text("subject ", subjects_[i].id, ": ", outcomes_[i].refused, rest));
      if (++listed <= kMostListed) progress_.warn(text("refused ", subjects_[i].id, ": ", outcomes_[i].refused));
    }
    if (listed > kMostListed) progress_.warn(text("refused ", listed - kMostListed, " more: see ", out_ / kPage));
    throw DataError(text(refused_, " of ", subjects_.size(), " subjects were refused, each for the reason above and in ",
                         out_ / kPage, rest));
  }

  std::vector<Subject> subjects_;
  fs::path table_, out_;
  PrepOptions options_;
  Progress& progress_;
  std::vector<ColumnHashes> hashes_;  // of the files' bytes
  std::vector<Outcome> outcomes_;
  PrepResult result_;
  int done_ = 0, refused_ = 0;  // subjects
  bool withdrawn_ = false;
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stop_{false};
  std::exception_ptr fatal_;
};

// Wherever preparation has written these, prep.json stands beside them.
void refuse_foreign(const fs::path& out) {
  for (const char* name : {kManifest, kPage}) {
    if (path_exists(out / name) && !path_exists(out / kSummary))
      throw UsageError(text(out / name, " is there, but no ", kSummary, " of a preparation; choose another folder"));
  }
}

}  // namespace

void prepare_one_subject(const fs::path& cohort_csv, std::size_t row, const fs::path& out, const PrepOptions& options,
                         Progress& progress) {
  Cohort cohort = read_cohort(cohort_csv, MissingFiles::leave_out);
  if (row >= cohort.subjects.size())
    throw DataError(text(cohort_csv, ": there is no subject ", row, ", it has ", cohort.subjects.size(), " from 0"));
  make_directory(out);
  CohortPreparation({cohort.subjects[row]}, cohort_csv, out, options, progress).run_one();
}

bool has_record(const fs::path& out, const std::string& subject_id) {
  return path_exists(out / "subjects" / (subject_id + ".json"));
}

PrepResult prepare_cohort(const fs::path& cohort_csv, const fs::path& out, const PrepOptions& options, Progress& progress) {
  if (options.jobs < 1 || options.jobs > 256) throw UsageError(text("--jobs is ", options.jobs, ", expected 1 to 256"));
  Cohort cohort = read_cohort(cohort_csv, MissingFiles::leave_out);
  for (const std::string& note : cohort.notes) progress.warn(note);
  make_directory(out);
  const FolderLock lock(out);
  refuse_foreign(out);  // while no other preparation withdraws its own
  return CohortPreparation(std::move(cohort.subjects), cohort_csv, out, options, progress).run();
}

}  // namespace vitrine::imaging
