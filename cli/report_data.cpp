// From the files of a study or run to the numbers of its report.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/study_folder.h"
#include "data/dataset.h"
#include "report/html.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kExamplesPerClass = 3;
constexpr std::size_t kPredictionsShown = 4;  // right ones and wrong ones each

report::Value value_of(const std::optional<MeanSd>& v) { return v ? report::Value{v->mean, v->sd, v->count} : report::Value{}; }

report::PartResult part_of(const PartSummary& summary, const std::vector<FoldFiles>& folds, bool test) {
  report::PartResult part;
  part.accuracy = value_of(summary.accuracy);
  part.auc = value_of(summary.auc);
  for (const ClassSummary& c : summary.classes)
    part.classes.push_back({c.name, value_of(c.precision), value_of(c.recall), value_of(c.f1)});
  for (const FoldFiles& fold : folds) {
    const auto positive = static_cast<int>(fold.classes.size()) - 1;
    std::vector<int> is_positive;
    std::vector<double> score;
    for (const Prediction& p : test ? fold.test : fold.validation) {
      is_positive.push_back(p.label == positive ? 1 : 0);
      score.push_back(p.probability.back());
    }
    if (!roc_auc(is_positive, score)) continue;
    RocCurve curve = roc_curve(is_positive, score);
    part.roc.push_back({std::move(curve.false_positive_rate), std::move(curve.true_positive_rate)});
  }
  return part;
}

report::InputResult input_result(const std::string& inputs, const RunResult& run) {
  report::InputResult result;
  result.inputs = inputs;
  result.validation = part_of(run.validation, run.folds, false);
  result.test = part_of(run.test, run.folds, true);
  for (const FoldFiles& fold : run.folds) {
    report::History history;
    history.best_epoch = fold.best_epoch - 1;
    for (const EpochRecord& e : fold.history) {
      history.train_loss.push_back(e.train_loss);
      history.validation_loss.push_back(e.validation_loss);
      history.validation_accuracy.push_back(e.validation_accuracy);
    }
    result.folds.push_back(std::move(history));
  }
  return result;
}

std::vector<report::CohortRow> cohort_rows(const Manifest& manifest, const Splits& splits) {
  std::vector<report::CohortRow> rows;
  for (const std::string& label : manifest.classes()) {
    report::CohortRow row;
    row.label = label;
    std::map<std::string, std::map<int, int>> lesions;  // subject, lesion, slices
    for (const Sample& s : manifest.samples) {
      if (s.label == label) ++lesions[s.subject_id][s.lesion_id];
    }
    row.subjects = static_cast<int>(lesions.size());
    for (const auto& [subject, slices] : lesions) {
      row.lesions += static_cast<int>(slices.size());
      for (const auto& [lesion, count] : slices) row.slices += count;
      row.test_subjects += std::count(splits.test.begin(), splits.test.end(), subject) > 0 ? 1 : 0;
    }
    rows.push_back(row);
  }
  return rows;
}

// The channels of one crop.
report::CropPicture picture_of(const Manifest& manifest, const Sample& sample) {
  CropChannels crop = load_crop(manifest, sample);
  report::CropPicture picture;
  picture.sample_id = sample.sample_id;
  picture.subject_id = sample.subject_id;
  picture.label = sample.label;
  picture.height = static_cast<int>(crop.height);
  picture.width = static_cast<int>(crop.width);
  for (auto& [name, values] : crop.channels) picture.channels.emplace_back(channel_title(name), std::move(values));
  return picture;
}

// One crop of each of the first subjects of every class, the middle slice of its first lesion.
std::vector<report::CropPicture> examples(const Manifest& manifest) {
  std::vector<report::CropPicture> pictures;
  for (const std::string& label : manifest.classes()) {
    std::vector<std::string> seen;
    for (const Sample& s : manifest.samples) {
      if (s.label != label || std::count(seen.begin(), seen.end(), s.subject_id) > 0) continue;
      seen.push_back(s.subject_id);
      pictures.push_back(picture_of(manifest, s));
      if (seen.size() == kExamplesPerClass) break;
    }
  }
  return pictures;
}

// The most confident right and wrong predictions on the test part, one per lesion, over all folds' models.
std::vector<report::CropPicture> shown_predictions(const Manifest& manifest, const RunResult& run) {
  std::vector<std::pair<double, report::CropPicture>> right, wrong;
  for (const FoldFiles& fold : run.folds) {
    for (const Prediction& p : fold.test) {
      const auto best = std::max_element(p.probability.begin(), p.probability.end());
      const auto predicted = static_cast<int>(best - p.probability.begin());
      report::CropPicture picture;
      picture.sample_id = p.sample_id;
      picture.predicted = fold.classes[static_cast<std::size_t>(predicted)];
      picture.probability = *best;
      picture.correct = predicted == p.label;
      (picture.correct ? right : wrong).emplace_back(*best, std::move(picture));
    }
  }
  std::vector<report::CropPicture> shown;
  std::vector<std::string> lesions;
  for (auto* group : {&right, &wrong}) {
    std::stable_sort(group->begin(), group->end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::size_t count = 0;
    for (auto& [probability, picture] : *group) {
      const auto sample = std::find_if(manifest.samples.begin(), manifest.samples.end(),
                                       [&](const Sample& s) { return s.sample_id == picture.sample_id; });
      if (sample == manifest.samples.end()) continue;
      const std::string lesion = text(sample->subject_id, "/", sample->lesion_id, picture.correct);
      if (std::count(lesions.begin(), lesions.end(), lesion) > 0) continue;
      lesions.push_back(lesion);
      report::CropPicture full = picture_of(manifest, *sample);
      full.predicted = picture.predicted;
      full.probability = picture.probability;
      full.correct = picture.correct;
      shown.push_back(std::move(full));
      if (++count == kPredictionsShown) break;
    }
  }
  return shown;
}

void add_configuration(report::StudyResult& study, const fs::path& run) {
  for (auto& [name, value] : read_run_options(run)) {
    if (name != "inputs") study.configuration.emplace_back(name, value);
  }
}

void finish(report::StudyResult& study, const Manifest& manifest, const Splits& splits, const RunResult& main_run) {
  study.cohort = cohort_rows(manifest, splits);
  study.examples = examples(manifest);
  study.predictions = shown_predictions(manifest, main_run);
  study.caveats = {
      "Validation figures are optimistic: the best epoch of a fold is chosen by the accuracy that is reported for it.",
      "The deviation on the test part is that of one model per fold on one and the same test subjects, not of new subjects.",
      "Slices of a subject are not independent; all splits are by subject."};
}

// study.json: what a study was run on.
std::string synthetic_note(const fs::path& folder) {
  const fs::path path = folder / "study.json";
  if (!path_exists(path)) return {};
  const std::string bytes = as<DataError>([&] { return read_file(path, 1u << 20); });
  try {
    return text_in(parse_json(bytes), "synthetic_note");
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what()));
  }
}

// Predictions of samples that the manifest does not have, or has under another subject or label, are of another manifest.
void check_against(const Manifest& manifest, const RunResult& run, const fs::path& folder) {
  std::map<std::string_view, const Sample*> samples;
  for (const Sample& s : manifest.samples) samples.emplace(s.sample_id, &s);
  for (const FoldFiles& fold : run.folds) {
    for (const std::vector<Prediction>* part : {&fold.validation, &fold.test}) {
      for (const Prediction& p : *part) {
        const auto found = samples.find(p.sample_id);
        if (found != samples.end() && found->second->subject_id == p.subject_id &&
            found->second->label == fold.classes[static_cast<std::size_t>(p.label)])
          continue;
        throw DataError(text(folder, ": its predictions name the sample '", p.sample_id, "' of the subject '", p.subject_id,
                             "', which ", manifest.path, " does not have so; they are of another manifest"));
      }
    }
  }
}

// The report says so when folds are missing.
void add_unfinished(report::StudyResult& study, const fs::path& run_folder, const std::string& inputs, std::size_t finished) {
  for (const auto& [name, value] : read_run_options(run_folder)) {
    if (name == "folds" && value != std::to_string(finished))
      study.caveats.push_back(text(inputs, ": ", finished, " of ", printable(value, 10),
                                   " folds are finished; the others are not in these figures."));
  }
}

}  // namespace

std::vector<std::string> files_of_report(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::path& path : entries_of(folder, true)) {
    if (path.extension() != ".html") files.push_back(path.string());
  }
  if (path_exists(folder / "source.json")) {
    const RunSource source = read_source(folder);
    files.push_back(source.manifest.string());
    files.push_back(source.splits.string());
  }
  return files;
}

std::string report_of(const fs::path& folder) {
  report::StudyResult study;
  study.title = "Small-cell or non-small-cell: brain metastases of lung cancer on MRI";
  study.synthetic_note = synthetic_note(folder);
  if (!is_folder(folder)) {
    const std::string flaw = path_flaw(folder);
    throw DataError(text(folder, " ", flaw.empty() ? "is a file, the folder of a study or of a run is expected" : flaw));
  }
  if (!path_exists(folder / "runs")) {
    const RunSource source = read_source(folder);
    const Manifest manifest = read_manifest(source.manifest);
    const Splits splits = read_splits(source.splits, manifest);
    check_is_of(folder, splits);
    const RunResult run = read_run(folder);
    check_against(manifest, run, folder);
    std::string inputs;
    for (const auto& [name, value] : read_run_options(folder)) inputs = name == "inputs" ? value : inputs;
    study.inputs.push_back(input_result(inputs, run));
    add_configuration(study, folder);
    finish(study, manifest, splits, run);
    add_unfinished(study, folder, inputs, run.folds.size());
    return report::html_report(study);
  }
  const Manifest manifest = read_manifest(manifest_of_study(folder));
  const Splits splits = read_splits(folder / "splits.json", manifest);
  RunResult main_run;
  std::vector<std::pair<std::string, std::size_t>> unfinished;
  for (const std::string& inputs : input_configuration_names()) {
    const fs::path run_folder = folder / "runs" / inputs;
    if (!path_exists(run_folder)) continue;
    check_is_of(run_folder, splits, inputs);
    RunResult run = read_run(run_folder);
    check_against(manifest, run, run_folder);
    unfinished.emplace_back(inputs, run.folds.size());
    study.inputs.push_back(input_result(inputs, run));
    if (study.configuration.empty()) add_configuration(study, run_folder);
    main_run = std::move(run);  // the three-channel run comes last
  }
  if (study.inputs.empty()) throw DataError(text(folder / "runs", " holds no run; run `vitrine study` to its end first"));
  finish(study, manifest, splits, main_run);
  for (const auto& [inputs, folds] : unfinished) add_unfinished(study, folder / "runs" / inputs, inputs, folds);
  return report::html_report(study);
}

}  // namespace vitrine::cli
