#include "cli/report_data.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/study_folder.h"
#include "data/dataset.h"
#include "report/html.h"
#include "report/tables.h"
#include "train/run_source.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

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

bool has_finished_fold(const fs::path& run) {
  for (const fs::path& path : entries_of(run)) {
    if (path.filename().string().starts_with("fold_") && path_exists(path / "fold.json")) return true;
  }
  return false;
}

// Says so when folds are missing.
void add_unfinished(report::StudyResult& study, const fs::path& folder, const ReportedRun& run) {
  for (const auto& [name, value] : read_run_options(folder)) {
    if (name != "folds" || value == std::to_string(run.run.folds.size())) continue;
    std::string numbers;
    for (const int fold : run.run.numbers) numbers += text(numbers.empty() ? "" : ", ", fold);
    study.caveats.push_back(text(run.inputs, ": ", run.run.folds.size(), " of ", printable(value, 10), " folds are finished (",
                                 numbers, "); the others are not in these figures."));
  }
}

ReportedRun read_reported(const fs::path& folder, const std::string& inputs, const Manifest& manifest, const Splits& splits) {
  check_is_of(folder, splits, inputs);
  ReportedRun run{inputs, read_run_so_far(folder)};
  for (const auto& [name, value] : read_run_options(folder)) {
    if (inputs.empty() && name == "inputs") run.inputs = value;
  }
  check_against(manifest, run.run, folder);
  return run;
}

void finish(ReportData& data, const fs::path& folder, const Manifest& manifest, const Splits& splits,
            const std::vector<ReportedRun>& runs) {
  report::StudyResult& study = data.study;
  for (const ReportedRun& run : runs) add_run(study, run);
  add_evaluations(data, runs);
  study.cohort = cohort_rows(manifest, splits);
  study.splits = split_rows(manifest, splits, study.has_inner_part());
  study.examples = example_pictures(manifest);
  study.predictions = predicted_pictures(manifest, runs.back());
  study.losses = costliest_pictures(manifest, runs.back());
  study.explanations = read_explanations(folder);
  add_controls(study, folder);
}

ReportData data_of_run(ReportData data, const fs::path& folder) {
  const auto [manifest, splits] = read_run_data(folder);
  const std::vector<ReportedRun> runs{read_reported(folder, {}, manifest, splits)};
  data.study.runs.clear();
  add_configuration(data.study, folder);
  add_unfinished(data.study, folder, runs.front());
  finish(data, folder, manifest, splits, runs);
  return data;
}

ReportData data_of_study(ReportData data, const fs::path& folder) {
  const Manifest manifest = read_manifest(manifest_of_study(folder));
  const Splits splits = read_splits(folder / "splits.json", manifest);
  std::vector<ReportedRun> runs;
  for (const std::string& inputs : input_configuration_names()) {
    const fs::path run_folder = folder / "runs" / inputs;
    if (!path_exists(run_folder) || !has_finished_fold(run_folder)) {
      data.study.caveats.push_back(text(inputs, ": no fold is finished; this input is not in these figures."));
      continue;
    }
    runs.push_back(read_reported(run_folder, inputs, manifest, splits));
    if (data.study.configuration.empty()) add_configuration(data.study, run_folder);
    add_unfinished(data.study, run_folder, runs.back());
  }
  if (runs.empty())
    throw DataError(text(folder / "runs", " holds no run with a finished fold; run `vitrine study` to its end first"));
  finish(data, folder, manifest, splits, runs);  // the three-channel run comes last
  return data;
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

ReportData report_data(const fs::path& folder) {
  if (!is_folder(folder)) {
    const std::string flaw = path_flaw(folder);
    throw DataError(text(folder, " ", flaw.empty() ? "is a file, the folder of a study or of a run is expected" : flaw));
  }
  ReportData data;
  data.study.title = "Small-cell or non-small-cell: brain metastases of lung cancer on MRI";
  data.study.synthetic_note = synthetic_note_of(folder);
  if (path_exists(folder / kStudyFile) && !path_exists(folder / "runs"))
    throw DataError(
        text(folder, " is a study of which no fold is trained; run `vitrine study` to its end, or its tasks, first"));
  return path_exists(folder / "runs") ? data_of_study(std::move(data), folder) : data_of_run(std::move(data), folder);
}

std::string report_of(const fs::path& folder) { return report::html_report(report_data(folder).study); }

std::vector<std::pair<std::string, std::string>> tables_of_report(const ReportData& data) {
  auto tables = report::csv_tables(data.study);
  tables.emplace_back("metrics.csv", metrics_csv(data.evaluations));
  tables.emplace_back("roc.csv", roc_csv(data.evaluations));
  tables.emplace_back("pr.csv", pr_csv(data.evaluations));
  tables.emplace_back("calibration.csv", calibration_csv(data.evaluations));
  tables.emplace_back("confusion.csv", confusion_csv(data.evaluations));
  tables.emplace_back("differences.csv", differences_csv(data.comparisons));
  return tables;
}

}  // namespace vitrine::cli
