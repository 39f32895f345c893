// simulate, study and demo: where imaging meets training.
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "cli/imaging_commands.h"
#include "data/dataset.h"
#include "imaging/cohort.h"
#include "imaging/prep.h"
#include "imaging/simulator/cohort_simulator.h"
#include "imaging/simulator/fault.h"
#include "train/cross_validation.h"
#include "train/trainer.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxJson = 1u << 20, kMaxCohort = std::uint64_t{64} << 20;
constexpr const char* kStudy = "study.json";
constexpr const char* kSyntheticNote =
    "Synthetic cohort: heads, lesions and labels were made by a simulator. The figures show that the pipeline works; they say "
    "nothing "
    "about patients.";

void check_same_splits(const fs::path& path, const Splits& found, const Splits& wanted) {
  if (splits_json(found) == splits_json(wanted)) return;
  throw UsageError(text(path, " was made with other split options; choose another folder or delete it"));
}

imaging::PrepResult prepare(const StudyCommand& command, const fs::path& out, Progress& progress) {
  imaging::PrepOptions options;
  options.jobs = command.jobs;
  options.subject = subject_options(*command.choice);
  return imaging::prepare_cohort(command.cohort, out, options, progress);
}

// The split of a study is kept: a second call must use the same one.
Splits study_splits(const fs::path& path, const Manifest& manifest, const SplitOptions& options) {
  Splits wanted = make_splits(manifest, options);
  wanted.path = path;
  if (!create_file(path, splits_json(wanted))) check_same_splits(path, read_splits(path, manifest), wanted);
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

TrainOptions options_for(const TrainOptions& chosen, const std::string& inputs) {
  TrainOptions options = chosen;
  options.inputs = inputs;
  return options;
}

ProgressFacts stage(int number) { return {.event = "stage", .done = number, .total = 4}; }

// Everything that can be refused at once is refused before the first file is written: also a folder with a study of another cohort or with
// other options.
void check_study(const StudyCommand& command, const TrainOptions& chosen, const SplitOptions& split,
                 const std::string& cohort_sha256) {
  const fs::path out = command.output;
  const imaging::Cohort cohort = imaging::read_cohort(command.cohort);
  Manifest one_each;  // what splitting needs to know: too few subjects are told before hours of preparation, not after
  one_each.path = command.cohort;
  for (const imaging::Subject& s : cohort.subjects) {
    one_each.samples.emplace_back();
    one_each.samples.back().sample_id = one_each.samples.back().subject_id = s.id;
    one_each.samples.back().label = s.label;
  }
  make_splits(one_each, split);
  for (const std::string& inputs : input_configuration_names()) starting_network(options_for(chosen, inputs), 2);
  for (const char* name : {"splits.json", "report.html", "runs", "prep"}) {
    if (path_exists(out / name) && !path_exists(out / kStudy))
      throw UsageError(text(out / name, " is there, but no ", kStudy, " of a study; choose another folder"));
  }
  if (!path_exists(out / kStudy)) return;
  const std::string bytes = as<DataError>([&] { return read_file(out / kStudy, kMaxJson); });
  std::string found;
  try {
    found = text_in(parse_json(bytes), "cohort_sha256");
  } catch (const std::runtime_error& error) {
    throw DataError(text(out / kStudy, ": ", error.what(), "; choose another folder"));
  }
  if (found != cohort_sha256)
    throw UsageError(text(out, " holds the study of another cohort, or of ", fs::path(command.cohort),
                          " before it was changed; choose another folder or delete it"));
  if (!path_exists(out / "prep" / "manifest.csv")) return;
  const Manifest manifest = read_manifest(out / "prep" / "manifest.csv");
  const Splits splits = read_splits(out / "splits.json", manifest);
  check_same_splits(out / "splits.json", splits, make_splits(manifest, split));
  for (const std::string& inputs : input_configuration_names())
    check_claim(out / "runs" / inputs, splits, options_for(chosen, inputs));
}

imaging::ScanOptions scan_options(const SimulateCommand& c) {
  imaging::ScanOptions o;
  o.t1c = c.t1c;
  o.plane = c.plane;
  o.t1c_thickness = c.t1c_thickness;
  o.t1c_oblique = c.t1c_oblique;
  o.oblique = c.oblique;
  o.neck_mm = c.neck;
  const auto range = [](const std::string& words, const char* option) {
    return words.empty() ? imaging::Range{} : imaging::parse_range(words, option);
  };
  o.slice_mm = range(c.slice, "--slice");
  o.gap_mm = range(c.gap, "--gap");
  o.in_plane_mm = range(c.in_plane, "--in-plane");
  o.noise_percent = range(c.noise, "--noise");
  o.noise_centre = c.noise_centre;
  o.bias_percent = range(c.bias, "--bias");
  o.bias_shape = c.bias_shape;
  o.motion_mm = c.motion;
  o.motion_degrees = c.rotation;
  o.orders = c.orders;
  o.sites = c.sites;
  o.kappa = c.kappa;
  return o;
}

}  // namespace

bool has_imaging() { return true; }

void run_simulate(const SimulateCommand& command) {
  if (command.faults == "help") {
    for (const imaging::Fault& f : imaging::known_faults()) std::printf("%-18s %s\n", f.name, f.what);
    return;
  }
  check_output_folder(command.output, {command.anatomy}, {"cohort.csv", "simulation.json", "sub-*"});
  imaging::SimulateOptions options;
  options.patients = command.patients;
  options.seed = command.seed;
  options.signal = command.signal;
  options.anatomy = command.anatomy;
  options.spacing_mm = command.t1c_spacing;
  options.scan = scan_options(command);
  options.faults = imaging::parse_faults(command.faults);
  options.truth = command.truth;
  Progress progress(command.progress);
  const imaging::SimulatedCohort cohort = imaging::simulate_cohort(command.output, options, progress);
  std::printf("%s  (%d synthetic patients, anatomy %s)\n", shown(cohort.csv).c_str(), command.patients,
              printable(cohort.anatomy).c_str());
}

void run_study(const StudyCommand& command) {
  const ChosenOptions options = command.words.resolve();
  const SplitOptions& split = options.values().split;
  TrainOptions chosen = options.values().train;
  check_output_folder(command.output, {command.cohort, chosen.weights},
                      {"prep", "runs", "splits.json", "report.html", "study.json"});
  const fs::path out = command.output;
  DeviceChoice{options.values().device}.choose(chosen);
  const std::string cohort_sha256 = as<DataError>([&] { return sha256_of_file(command.cohort, kMaxCohort); });
  subject_options(*command.choice);
  check_study(command, chosen, split, cohort_sha256);
  note_starting_weights(chosen);
  if (command.words.dry_run) {
    print_options(options);
    note("dry run: options, cohort, its volumes' files, weights and folder are accepted; nothing was written");
    return;
  }
  Progress progress(command.progress);
  make_directory(out);
  const FolderLock lock(out);
  Json study = Json::object();
  const bool synthetic = path_exists(fs::path(command.cohort).parent_path() / "simulation.json");
  study["cohort"] = fs::path(command.cohort).filename().string();
  study["cohort_sha256"] = cohort_sha256;
  study["synthetic_note"] = synthetic ? kSyntheticNote : "";
  write_file(out / kStudy, json_text(study));

  progress.line("study 1/4  prep: coregistration, brain extraction, bias field, normalisation, lesion crops", stage(1));
  try {
    prepare(command, out / "prep", progress);
  } catch (const DataError& error) {
    throw DataError(
        text(error.what(), "; mend the files and run the same command again; with another table, in another folder"));
  }
  const Manifest manifest = read_manifest(out / "prep" / "manifest.csv");

  progress.line("study 2/4  split: subjects, stratified, into a test part and folds", stage(2));
  const Splits splits = study_splits(out / "splits.json", manifest, split);

  progress.line("study 3/4  cross-validation over four input configurations", stage(3));
  std::vector<std::pair<std::string, RunResult>> results;
  for (const std::string& inputs : input_configuration_names()) {
    const fs::path run = out / "runs" / inputs;
    const InputConfiguration channels = input_configuration(inputs);
    if (const Dataset all = load_dataset(manifest, manifest.subjects(), channels); all.images.empty()) {
      progress.warn(left_out(all, channels) + "; there is no run of these inputs");
      continue;
    }
    results.emplace_back(inputs, cross_validate(manifest, splits, options_for(chosen, inputs), run, std::nullopt, progress));
  }

  progress.line("study 4/4  report", stage(4));
  write_file(out / "report.html", report_of(out));
  print_results(results);
  std::printf("\nreport: %s\n", shown(out / "report.html").c_str());
}

void run_demo(const DemoCommand& command) {
  check_output_folder(command.output);
  const fs::path out = command.output;
  const fs::path fetched = fs::path("weights") / "files" / "efficientnet_lite0.pth";
  StudyCommand study;
  study.progress = command.progress;
  study.cohort = (out / "cohort" / "cohort.csv").string();
  study.output = command.output;
  study.words.groups = groups_with("split");
  study.words.recipe = "demo";
  const bool takes_fetched = command.weights.empty() && path_exists(fetched);
  const std::string weights = takes_fetched ? fetched.string() : command.weights;
  if (!weights.empty()) study.words.words.emplace_back(&option_row("weights"), weights);
  if (takes_fetched) study.words.words.emplace_back(&option_row("arch"), "lite0");
  const TrainOptions options = study.words.resolve().values().train;
  std::printf(
      "The demo makes 12 synthetic patients and runs the whole study of Grossman et al. 2021 on them: volumes are\n"
      "coregistered, brains extracted, bias fields removed, lesions cropped; an EfficientNet is trained on five folds with\n"
      "each of four input configurations, for %d epochs instead of the paper's 100; a report is written.\n",
      options.epochs);
  if (options.weights.empty()) {
    std::printf(
        "Network: b0 from drawn weights, so expect modest figures. `scripts/fetch-weights lite0` brings real ImageNet "
        "weights.\n");
  } else {
    std::printf("Network: %s from %s.\n", options.arch.c_str(), shown(options.weights).c_str());
  }
  std::fflush(stdout);
  SimulateCommand simulate;
  simulate.output = (out / "cohort").string();
  simulate.progress = command.progress;
  make_directory(out);
  run_simulate(simulate);
  run_study(study);
}

}  // namespace vitrine::cli
