#include "imaging/prep.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/output.h"
#include "base/sha256.h"
#include "imaging/cohort.h"
#include "imaging/subject.h"
#include "report/png.h"
#include "weights/safetensors.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxVolumeFile = std::uint64_t{2} << 30;
constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr int kVersion = 1;  // of the steps and their constants: raise it when a result changes, and nothing old is kept

Json options_json(const PrepOptions& o) {
  return {{"version", kVersion},
          {"size", o.crop.size},
          {"slices_per_lesion", o.crop.slices_per_lesion},
          {"minimum_volume_mm3", o.crop.minimum_volume_mm3},
          {"minimum_area_mm2", o.crop.minimum_area_mm2}};
}

std::string file_hash(const fs::path& path) {
  try {
    return sha256(read_file(path, kMaxVolumeFile));
  } catch (const FileError& error) {
    throw DataError(error.what());
  }
}

// What a subject's results depend on.
Json inputs_json(const Subject& s) {
  Json inputs;
  inputs["label"] = s.label;
  inputs["t1c"] = file_hash(s.t1c);
  inputs["flair"] = file_hash(s.flair);
  inputs["t2"] = file_hash(s.t2);
  inputs["mask"] = file_hash(s.mask);
  inputs["brain_mask"] = s.brain_mask.empty() ? "" : file_hash(s.brain_mask);
  return inputs;
}

Sample write_crop(const fs::path& out, const Subject& subject, const LesionSlice& slice, const PreparedSubject& prepared,
                  int size) {
  Sample sample;
  sample.sample_id = text(subject.id, "_l", slice.lesion, "_s", slice.slice);
  sample.subject_id = subject.id;
  sample.lesion_id = slice.lesion;
  sample.slice = static_cast<int>(slice.slice);
  sample.label = subject.label;
  sample.file = "crops/" + sample.sample_id + ".safetensors";
  sample.preview = "previews/" + sample.sample_id + ".png";
  sample.side_mm = slice.side_mm;
  std::vector<report::Picture> pictures;
  std::vector<float> interleaved(static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3);
  for (std::size_t c = 0; c < 3; ++c) {
    const std::vector<float> plane = crop_slice(prepared.channels[c], slice, size);
    for (std::size_t i = 0; i < plane.size(); ++i) interleaved[3 * i + c] = plane[i];
    pictures.push_back(report::grey_picture(plane.data(), size, size, 3));
  }
  TensorFile file;
  file.tensors.push_back(StoredTensor::from("image", Tensor::from({size, size, 3}, interleaved)));
  file.metadata = {{"channels", "t1c,flair,t2"}, {"subject_id", subject.id}, {"label", subject.label}};
  const std::string bytes = safetensors_bytes(file);
  sample.sha256 = sha256(bytes);
  write_file(out / sample.file, bytes);
  write_file(out / sample.preview, report::png_bytes(report::side_by_side(pictures, 4)));
  return sample;
}

Json sample_json(const Sample& s) {
  return {{"sample_id", s.sample_id}, {"lesion_id", s.lesion_id}, {"slice", s.slice},  {"file", s.file},
          {"preview", s.preview},     {"side_mm", s.side_mm},     {"sha256", s.sha256}};
}

std::vector<Sample> samples_in(const Json& record, const Subject& subject) {
  std::vector<Sample> samples;
  for (const Json& s : record.at("samples")) {
    samples.push_back({s.at("sample_id").get<std::string>(), subject.id, s.at("lesion_id").get<int>(), s.at("slice").get<int>(),
                       subject.label, s.at("file").get<std::string>(), s.at("preview").get<std::string>(),
                       s.at("side_mm").get<double>(), s.at("sha256").get<std::string>()});
  }
  return samples;
}

// The samples of a subject that was prepared before with the same inputs and options and whose files are still there.
bool kept_samples(const fs::path& record_path, const std::string& key, const Subject& subject, const fs::path& out,
                  std::vector<Sample>& samples) {
  if (!fs::exists(record_path)) return false;
  try {
    const Json record = parse_json(read_file(record_path, kMaxJson));
    if (record.at("key").get<std::string>() != key) return false;
    samples = samples_in(record, subject);
    return std::all_of(samples.begin(), samples.end(),
                       [&](const Sample& s) { return fs::exists(out / s.file) && fs::exists(out / s.preview); });
  } catch (const std::exception&) {
    return false;  // a foreign or torn record: the subject is prepared again
  }
}

// Prepares the subjects that are not finished, `jobs` at a time; subject i's samples go to place i.
class CohortPreparation {
 public:
  CohortPreparation(std::vector<Subject> subjects, fs::path out, const PrepOptions& options, Progress& progress)
      : subjects_(std::move(subjects)),
        out_(std::move(out)),
        options_(options),
        progress_(progress),
        samples_(subjects_.size()) {}

  PrepResult run() {
    for (const char* folder : {"crops", "previews", "subjects"}) make_directory(out_ / folder);
    std::vector<std::thread> workers;
    for (int job = 1; job < std::min<int>(options_.jobs, static_cast<int>(subjects_.size())); ++job)
      workers.emplace_back([this] { work(); });
    work();
    for (std::thread& worker : workers) worker.join();
    if (error_) std::rethrow_exception(error_);
    check_interrupt("preparation");
    result_.manifest.path = out_ / "manifest.csv";
    for (const auto& samples : samples_)
      result_.manifest.samples.insert(result_.manifest.samples.end(), samples.begin(), samples.end());
    write_manifest(result_.manifest);
    return std::move(result_);
  }

 private:
  // Takes the next subject until there is none. The error of the earliest subject is the one that is reported.
  void work() {
    while (true) {
      const std::size_t i = next_++;
      if (i >= subjects_.size() || failed_ || interrupt_requested()) return;
      try {
        prepare(i);
      } catch (...) {
        const std::scoped_lock lock(mutex_);
        if (!error_ || i < error_subject_) {
          error_ = std::current_exception();
          error_subject_ = i;
        }
        failed_ = true;
      }
    }
  }

  void prepare(std::size_t i) {
    const Subject& subject = subjects_[i];
    const fs::path record_path = out_ / "subjects" / (subject.id + ".json");
    Json record;
    record["inputs"] = inputs_json(subject);
    record["options"] = options_json(options_);
    const std::string key = sha256(json_text(record));
    const bool kept = kept_samples(record_path, key, subject, out_, samples_[i]);
    if (!kept) {
      const PreparedSubject prepared = prepare_subject(subject, options_.crop);
      std::vector<Sample> samples;
      for (const LesionSlice& slice : prepared.slices)
        samples.push_back(write_crop(out_, subject, slice, prepared, options_.crop.size));
      record["key"] = key;
      record["steps"] = prepared.steps;
      record["samples"] = Json::array();
      for (const Sample& s : samples) record["samples"].push_back(sample_json(s));
      write_file(record_path, json_text(record));
      samples_[i] = std::move(samples);
    }
    const std::scoped_lock lock(mutex_);
    ++(kept ? result_.kept : result_.prepared);
    progress_.line(text("prep  ", result_.kept + result_.prepared, "/", subjects_.size(), "  ", subject.id, "  ",
                        samples_[i].size(), " crops", kept ? ", kept" : ""));
  }

  std::vector<Subject> subjects_;
  fs::path out_;
  PrepOptions options_;
  Progress& progress_;
  std::vector<std::vector<Sample>> samples_;
  PrepResult result_;
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  std::size_t error_subject_ = 0;
};

}  // namespace

PrepResult prepare_cohort(const fs::path& cohort_csv, const fs::path& out, const PrepOptions& options, Progress& progress) {
  if (options.jobs < 1 || options.jobs > 256) throw UsageError(text("--jobs is ", options.jobs, ", expected 1 to 256"));
  std::vector<Subject> subjects = read_cohort(cohort_csv);
  make_directory(out);
  PrepResult result = CohortPreparation(std::move(subjects), out, options, progress).run();
  Json summary;
  summary["options"] = options_json(options);
  summary["subjects"] = result.prepared + result.kept;
  summary["samples"] = result.manifest.samples.size();
  write_file(out / "prep.json", json_text(summary));
  return result;
}

}  // namespace vitrine::imaging
