// study and demo: where imaging meets training.
#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

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
#include "cli/simulate.h"
#include "cli/study_folder.h"
#include "data/dataset.h"
#include "imaging/cohort.h"
#include "imaging/prep.h"
#include "train/choice.h"
#include "train/cross_validation.h"
#include "train/trainer.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSyntheticNote =
    "Synthetic cohort: heads, lesions and labels were made by a simulator. The figures show that the pipeline works; they say "
    "nothing "
    "about patients.";

void print_results(const std::vector<std::pair<std::string, RunResult>>& results) {
  std::printf("\n%-14s  %-30s  %s\n", "inputs", "validation accuracy, AUC", "test accuracy, AUC");
  for (const auto& [inputs, run] : results) {
    const auto mean_text = [&](const std::optional<MeanSd>& v) {
      return mean_sd_text(v, 2, static_cast<int>(run.folds.size()));
    };
    std::printf("%-14s  %-30s  %s\n", inputs.c_str(),
                (mean_text(run.validation.accuracy) + ", " + mean_text(run.validation.auc)).c_str(),
                (mean_text(run.test.accuracy) + ", " + mean_text(run.test.auc)).c_str());
  }
}

void check_same_splits(const fs::path& path, const Splits& found, const Splits& wanted) {
  if (splits_json(found) == splits_json(wanted)) return;
  const std::string what =
      found.seed != wanted.seed ? text("there: split-seed = ", found.seed, "; asked: split-seed = ", wanted.seed)
      : found.folds.size() != wanted.folds.size()
          ? text("there: folds = ", found.folds.size(), "; asked: folds = ", wanted.folds.size())
      : found.test_fraction != wanted.test_fraction
          ? text("there: test-fraction = ", found.test_fraction, "; asked: test-fraction = ", wanted.test_fraction)
          : std::string("its parts are not those that are dealt for this manifest");
  throw UsageError(text(path, " was made with other split options (", what,
                        "); choose another folder, or --force-new to keep that one beside it under another name"));
}

ProgressFacts stage(int number) { return {.event = "stage", .done = number, .total = 4}; }

Manifest with_one_sample_each(const fs::path& table) {
  Manifest one_each;  // what splitting needs to know: too few subjects are told before hours of preparation, not after
  one_each.path = table;
  for (const imaging::Subject& s : imaging::read_cohort(table).subjects) {
    one_each.samples.emplace_back();
    one_each.samples.back().sample_id = one_each.samples.back().subject_id = s.id;
    one_each.samples.back().label = s.label;
  }
  return one_each;
}

// Everything that can be refused at once is refused before the first file is written: also a folder with a study of another cohort or with
// other options.
void check_study(const StudyFolder& study) {
  const Manifest subjects = study.prepared ? read_manifest(study.table) : with_one_sample_each(study.table);
  const Splits dealt = make_splits(subjects, study.options.split);
  const std::string& select = study.options.train.select;
  for (std::size_t f = 0; f < dealt.folds.size(); ++f) {
    if (is_nested(select) && dealt.folds[f].inner.empty())
      throw DataError(text(study.table, ": --select ", select,
                           " needs two training subjects of each class in every fold, fold ", f,
                           " has fewer; pass fewer --folds or another --select"));
  }
  for (const std::string& inputs : input_configuration_names()) {
    check(study.training(inputs));
    starting_network(study.training(inputs), 2);
  }
  if (!check_study_folder(study)) return;
  if (!path_exists(study.manifest()) || !path_exists(study.splits())) return;
  const Manifest manifest = read_manifest(study.manifest());
  const Splits splits = read_splits(study.splits(), manifest);
  check_same_splits(study.splits(), splits, make_splits(manifest, study.options.split));
  for (const std::string& inputs : input_configuration_names()) check_claim(study.run(inputs), splits, study.training(inputs));
}

std::vector<std::string> subjects_of(const StudyFolder& study) {
  std::vector<std::string> ids;
  if (study.prepared) return ids;
  for (const imaging::Subject& s : imaging::read_cohort(study.table, imaging::MissingFiles::leave_out).subjects)
    ids.push_back(s.id);
  return ids;
}

imaging::PrepOptions prep_options(const StudyFolder& study, int jobs) {
  imaging::PrepOptions options;
  options.jobs = jobs;
  options.subject = subject_options(study.choice);
  return options;
}

// Every subject that is not prepared yet, and the manifest.
void prepare(const StudyFolder& study, int jobs, Progress& progress) {
  if (study.prepared) return;
  try {
    imaging::prepare_cohort(study.table, study.out / "prep", prep_options(study, jobs), progress);
  } catch (const DataError& error) {
    throw DataError(
        text(error.what(), "; mend the files and run the same command again; with another table, in another folder"));
  }
}

// The split of a study is kept: a second call must use the same one.
Splits split(const StudyFolder& study, const Manifest& manifest) {
  Splits wanted = make_splits(manifest, study.options.split);
  wanted.path = study.splits();
  if (!create_file(wanted.path, splits_json(wanted)))
    check_same_splits(wanted.path, read_splits(wanted.path, manifest), wanted);
  return wanted;
}

// None where no subject has these series.
std::optional<RunResult> train(const StudyFolder& study, const Manifest& manifest, const Splits& splits,
                               const std::string& inputs, std::optional<int> fold, Progress& progress) {
  const InputConfiguration channels = input_configuration(inputs);
  if (const Dataset all = load_dataset(manifest, manifest.subjects(), channels); all.images.empty()) {
    progress.warn(left_out(all, channels) + "; there is no run of these inputs");
    return std::nullopt;
  }
  return cross_validate(manifest, splits, study.training(inputs), study.run(inputs), fold, progress);
}

// All folds are there already, or are trained now; then the page.
void train_and_report(const StudyFolder& study, const Manifest& manifest, const Splits& splits, Progress& progress) {
  std::vector<std::pair<std::string, RunResult>> results;
  for (const std::string& inputs : input_configuration_names()) {
    if (std::optional<RunResult> run = train(study, manifest, splits, inputs, std::nullopt, progress))
      results.emplace_back(inputs, std::move(*run));
  }
  progress.line("study 4/4  report", stage(4));
  write_file(study.out / "report.html", report_of(study.out));
  print_results(results);
  std::printf("\nreport: %s\n", shown(study.out / "report.html").c_str());
}

// Crops are what they are.
void refuse_choice(const PrepChoice& choice, const fs::path& manifest) {
  const PrepChoice plain;
  const auto refuse = [&](bool given, const char* option) {
    if (given)
      throw UsageError(text(option, " belongs to preparation, and the crops of ", manifest,
                            " are prepared; leave it out, or name the table of the volumes"));
  };
  refuse(choice.normalise != plain.normalise, "--normalise");
  refuse(choice.crop != plain.crop, "--crop");
  refuse(choice.slices != plain.slices, "--slices");
  refuse(choice.registration != plain.registration, "--registration");
  refuse(choice.fov != plain.fov, "--fov");
  refuse(choice.distance != plain.distance, "--distance");
  refuse(choice.no_pictures, "--no-pictures");
}

StudyFolder study_of(const StudyCommand& command, const ChosenOptions& options) {
  StudyFolder study;
  study.out = command.output;
  study.table = command.cohort;
  study.prepared = is_manifest(command.cohort);
  study.table_sha256 = table_sha256(command.cohort);
  study.choice = *command.choice;
  study.options = options.values();
  subject_options(study.choice);
  if (study.prepared) refuse_choice(study.choice, study.table);
  const fs::path beside = study.table.parent_path();
  for (const fs::path& made_by : {beside / "simulation.json", beside.parent_path() / "simulation.json"}) {
    if (path_exists(made_by)) study.synthetic_note = kSyntheticNote;
  }
  return study;
}

// Writes the plan and says how it is worked off.
void write_plan(const StudyFolder& study) {
  const std::vector<StudyTask> tasks = study_tasks(study, subjects_of(study));
  write_file(study.out / kPlanFile, plan_csv(tasks));
  const auto split =
      std::find_if(tasks.begin(), tasks.end(), [](const StudyTask& t) { return t.stage == Stage::split; })->number;
  const int last = tasks.back().number;
  const std::string out = shown(study.out);
  std::printf("%s: %zu tasks\n", shown(study.out / kPlanFile).c_str(), tasks.size());
  if (split > 0)
    std::printf("  0 to %d   prepare a subject each, in any order, on any machine: vitrine task %s N\n", split - 1,
                out.c_str());
  std::printf(
      "  %d         the split%s\n  %d to %d   train a fold each, in any order, on any machine\n  %d         the report\n",
      split, split > 0 ? ", when these are done" : "", split + 1, last - 1, last);
  std::printf("`vitrine task %s` lists them with their state; scripts/slurm/submit runs them as job arrays\n", out.c_str());
}

}  // namespace

bool has_imaging() { return true; }

void run_study(const StudyCommand& command) {
  const ChosenOptions options = command.words.resolve();
  check_output_folder(command.output, {command.cohort, options.values().train.weights},
                      {"prep", "runs", "splits.json", "report.html", "study.json", "plan.csv"});
  if (command.force_new && !command.words.dry_run)
    set_aside(command.output, kStudyFile, {command.cohort, options.values().train.weights});
  const StudyFolder study = study_of(command, options);
  if (!command.force_new) check_study(study);
  note_starting_weights(study.training(input_configuration_names().front()));
  if (command.words.dry_run) {
    print_options(options);
    note(text("dry run: options, ", study.prepared ? "manifest" : "cohort, its volumes' files",
              ", weights and folder are accepted; nothing was written"));
    return;
  }
  Progress progress(command.progress);
  make_directory(study.out);
  const FolderLock lock(study.out);
  write_study_folder(study);
  if (command.plan) return write_plan(study);

  progress.line(study.prepared ? "study 1/4  prep: none, the manifest's crops are prepared"
                               : "study 1/4  prep: coregistration, brain extraction, bias field, normalisation, lesion crops",
                stage(1));
  prepare(study, command.jobs, progress);
  const Manifest manifest = read_manifest(study.manifest());
  progress.line("study 2/4  split: subjects, stratified, into a test part and folds", stage(2));
  const Splits splits = split(study, manifest);
  progress.line("study 3/4  cross-validation over four input configurations", stage(3));
  train_and_report(study, manifest, splits, progress);
}

namespace {

bool has_series(const Manifest& manifest, const std::string& inputs) {
  return !load_dataset(manifest, manifest.subjects(), input_configuration(inputs)).images.empty();
}

// The task in words; of one that is under way, or was, by whom: "train t1c fold 3, left by process 4711 on host since ..., which has ended".
std::string described(const StudyTask& task, const std::optional<LockHolder>& holder) {
  if (!holder) return text_of(task);
  return holder->ended ? text(text_of(task), ", left by ", holder->line, ", which has ended")
                       : text(text_of(task), ", in work by ", holder->line);
}

void refuse_unfinished(const StudyFolder& study, const std::vector<StudyTask>& tasks, Stage stage, const StudyTask& wanted,
                       const Manifest* manifest) {
  std::vector<std::string> open;
  int first = 0;  // that is open
  for (const StudyTask& t : tasks) {
    if (t.stage != stage || is_done(study, t)) continue;
    if (open.empty()) first = t.number;
    if (manifest == nullptr || stage != Stage::train || has_series(*manifest, t.inputs))
      open.push_back(text(t.number, " (", described(t, holder_of(study, t)), ")"));
  }
  if (open.empty()) return;
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(open.size(), 5); ++i) list += (i > 0 ? ", " : "") + open[i];
  if (open.size() > 5) list += text(" and ", open.size() - 5, " more");
  const bool one = open.size() == 1;
  throw Error(ExitCode::runtime, text("task ", wanted.number, " (", text_of(wanted), ") needs the task", one ? " " : "s ", list,
                                      ", which ", one ? "is" : "are", " not done; run ", one ? "it" : "them",
                                      " with `vitrine task ", study.out, one ? text(" ", first) : std::string(" N"), "`"));
}

void do_task(const StudyFolder& study, const std::vector<StudyTask>& tasks, const StudyTask& task, Progress& progress) {
  if (task.stage == Stage::prepare)
    return imaging::prepare_one_subject(study.table, static_cast<std::size_t>(task.number), study.out / "prep",
                                        prep_options(study, 1), progress);
  refuse_unfinished(study, tasks, Stage::prepare, task, nullptr);
  if (task.stage == Stage::split) {
    const FolderLock lock(study.out);
    prepare(study, 1, progress);  // keeps what the tasks left, compares subjects, makes the manifest
    split(study, read_manifest(study.manifest()));
    return;
  }
  refuse_unfinished(study, tasks, Stage::split, task, nullptr);
  const Manifest manifest = read_manifest(study.manifest());
  const Splits splits = read_splits(study.splits(), manifest);
  if (task.stage == Stage::train) {
    train(study, manifest, splits, task.inputs, task.fold, progress);
    return;
  }
  refuse_unfinished(study, tasks, Stage::train, task, &manifest);
  const FolderLock lock(study.out);
  train_and_report(study, manifest, splits, progress);
}

// A line a task: number, done, open or taken, and what it is.
void list_tasks(const StudyFolder& study, const std::vector<StudyTask>& tasks) {
  std::optional<Manifest> manifest;
  std::map<std::string, bool> series;  // of the inputs that were looked up
  const auto lacks_series = [&](const StudyTask& t) {
    if (t.stage != Stage::train || !path_exists(study.splits()) || !path_exists(study.manifest())) return false;
    if (!manifest) manifest = read_manifest(study.manifest());
    if (!series.contains(t.inputs)) series[t.inputs] = has_series(*manifest, t.inputs);
    return !series[t.inputs];
  };
  for (const StudyTask& t : tasks) {
    const std::optional<LockHolder> holder = holder_of(study, t);
    const char* state = "open";
    std::string what = text_of(t);
    if (is_done(study, t)) {
      state = "done";
    } else if (lacks_series(t)) {
      state = "done";
      what += ": no subject has these series";
    } else if (holder) {
      state = holder->ended ? "open" : "taken";
      what = described(t, holder);
    }
    std::printf("%5d  %-8s  %s\n", t.number, state, what.c_str());
  }
}

}  // namespace

void run_task(const TaskCommand& command) {
  StudyFolder study = read_study_folder(command.study);
  study.options.train.keeping.retrain_damaged = command.retrain_damaged;
  const std::vector<StudyTask> tasks = study_tasks(study, subjects_of(study));
  if (!command.number) return list_tasks(study, tasks);
  if (*command.number < 0 || static_cast<std::size_t>(*command.number) >= tasks.size())
    throw UsageError(
        text("task ", *command.number, " does not exist, the study in ", study.out, " has the tasks 0 to ", tasks.size() - 1));
  Progress progress(command.progress);
  const StudyTask& task = tasks[static_cast<std::size_t>(*command.number)];
  do_task(study, tasks, task, progress);
  std::printf("task %d done: %s\n", task.number, text_of(task).c_str());
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
