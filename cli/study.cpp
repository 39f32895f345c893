// simulate, mri prep, study and demo: where imaging meets training.
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/source.h"
#include "data/dataset.h"
#include "imaging/cohort.h"
#include "imaging/cohort_simulator.h"
#include "imaging/prep.h"
#include "nn/efficientnet/scaling.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSyntheticNote =
    "Synthetic cohort: heads, lesions and labels were made by a simulator. The figures show that the pipeline works; they say "
    "nothing "
    "about patients.";

imaging::PrepResult prepare(const fs::path& cohort, const fs::path& out, int jobs, Progress& progress) {
  imaging::PrepOptions options;
  options.jobs = jobs;
  return imaging::prepare_cohort(cohort, out, options, progress);
}

// The split of a study is kept: a second call must use the same one.
Splits study_splits(const fs::path& path, const Manifest& manifest, const SplitOptions& options) {
  const Splits wanted = make_splits(manifest, options);
  if (fs::exists(path)) {
    Splits found = read_splits(path, manifest);
    if (found.seed == wanted.seed && found.folds.size() == wanted.folds.size() && found.test == wanted.test) return found;
    throw UsageError(text(path.string(), " was made with other split options; choose another folder or delete it"));
  }
  write_splits(path, wanted);
  return wanted;
}

std::string mean_text(const std::optional<MeanSd>& v) {
  return v ? text(fixed(v->mean, 2), " +- ", fixed(v->sd, 2)) : std::string("n/a");
}

void print_results(const std::vector<std::pair<std::string, RunResult>>& results) {
  std::printf("\n%-14s  %-30s  %s\n", "inputs", "validation accuracy, AUC", "test accuracy, AUC");
  for (const auto& [inputs, run] : results) {
    std::printf("%-14s  %-30s  %s\n", inputs.c_str(),
                (mean_text(run.validation.accuracy) + ", " + mean_text(run.validation.auc)).c_str(),
                (mean_text(run.test.accuracy) + ", " + mean_text(run.test.auc)).c_str());
  }
}

// Everything that can be refused at once is refused before the first file is written.
void check_study(const StudyCommand& command) {
  imaging::read_cohort(command.cohort);
  const TrainOptions& options = command.options;
  check(options);
  architecture(options.arch);  // refuses an unknown name before hours of work
  if (!options.weights.empty() && !fs::exists(options.weights)) {
    throw WeightsError(text(options.weights, " does not exist; `scripts/fetch-weights lite0` brings real ImageNet weights"));
  }
}

}  // namespace

bool has_imaging() { return true; }

void run_simulate(const SimulateCommand& command) {
  imaging::SimulateOptions options;
  options.patients = command.patients;
  options.seed = command.seed;
  options.signal = command.signal;
  options.anatomy = command.anatomy;
  Progress progress(command.quiet);
  const imaging::SimulatedCohort cohort = imaging::simulate_cohort(command.output, options, progress);
  std::printf("%s  (%d synthetic patients, anatomy %s)\n", cohort.csv.string().c_str(), command.patients,
              cohort.anatomy.c_str());
}

void run_prep(const PrepCommand& command) {
  Progress progress(command.quiet);
  prepare(command.cohort, command.output, command.jobs, progress);
  std::printf("%s\n", (fs::path(command.output) / "manifest.csv").string().c_str());
}

void run_study(const StudyCommand& command) {
  check_study(command);
  const fs::path out = command.output;
  TrainOptions chosen = command.options;
  command.device.choose(chosen);
  Progress progress(command.quiet);
  make_directory(out);
  Json study;
  const bool synthetic = fs::exists(fs::path(command.cohort).parent_path() / "simulation.json");
  study["cohort"] = fs::path(command.cohort).filename().string();
  study["synthetic_note"] = synthetic ? kSyntheticNote : "";
  write_file(out / "study.json", json_text(study));

  progress.line("study 1/4  prep: coregistration, brain extraction, bias field, normalisation, lesion crops");
  prepare(command.cohort, out / "prep", command.jobs, progress);
  const Manifest manifest = read_manifest(out / "prep" / "manifest.csv");

  progress.line("study 2/4  split: subjects, stratified, into a test part and folds");
  const Splits splits = study_splits(out / "splits.json", manifest, command.split);

  progress.line("study 3/4  cross-validation over four input configurations");
  std::vector<std::pair<std::string, RunResult>> results;
  for (const std::string& inputs : input_configuration_names()) {
    TrainOptions options = chosen;
    options.inputs = inputs;
    if (options.optimizer.weight_decay > 0) options.optimizer.rule = Rule::adamw;
    const fs::path run = out / "runs" / inputs;
    make_directory(run);
    write_source(run, {out / "prep" / "manifest.csv", out / "splits.json"});
    results.emplace_back(inputs, cross_validate(manifest, splits, options, run, std::nullopt, progress));
  }

  progress.line("study 4/4  report");
  write_file(out / "report.html", report_of(out));
  print_results(results);
  std::printf("\nreport: %s\n", (out / "report.html").string().c_str());
}

void run_demo(const DemoCommand& command) {
  const fs::path out = command.output;
  const fs::path fetched = fs::path("weights") / "files" / "efficientnet_lite0.pth";
  StudyCommand study;
  study.quiet = command.quiet;
  study.cohort = (out / "cohort" / "cohort.csv").string();
  study.output = command.output;
  study.options.epochs = 24;
  study.options.weights = command.weights;
  if (study.options.weights.empty() && fs::exists(fetched)) study.options.weights = fetched.string();
  if (!study.options.weights.empty() && command.weights.empty()) study.options.arch = "lite0";
  std::printf(
      "The demo makes 12 synthetic patients and runs the whole study of Grossman et al. 2021 on them: volumes are\n"
      "coregistered, brains extracted, bias fields removed, lesions cropped; an EfficientNet is trained on five folds with\n"
      "each of four input configurations, for %d epochs instead of the paper's 100; a report is written.\n",
      study.options.epochs);
  if (study.options.weights.empty()) {
    std::printf(
        "Network: b0 from drawn weights, so expect modest figures. `scripts/fetch-weights lite0` brings real ImageNet "
        "weights.\n");
  } else {
    std::printf("Network: %s from %s.\n", study.options.arch.c_str(), study.options.weights.c_str());
  }
  std::fflush(stdout);
  SimulateCommand simulate;
  simulate.output = (out / "cohort").string();
  simulate.quiet = command.quiet;
  make_directory(out);
  run_simulate(simulate);
  run_study(study);
}

}  // namespace vitrine::cli
