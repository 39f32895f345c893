// `vitrine train` and `vitrine cv`: one fold, or all of them.
#include <cstdio>
#include <memory>
#include <optional>

#include "audit/fold_audit.h"
#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/noted_manifest.h"
#include "cli/progress_options.h"
#include "cli/train_options.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

struct CvCommand {
  std::string manifest, splits, output;
  std::optional<int> fold;  // `train`: one fold
  int jobs = 1;             // folds at a time
  ChosenWords words;
  bool force_new = false;  // what is in the folder is set aside
  ProgressMode progress = ProgressMode::automatic;
};

void print_part(const char* part, const PartSummary& summary, std::size_t folds) {
  const auto figure = [&](const std::optional<MeanSd>& v) { return mean_sd_text(v, 3, static_cast<int>(folds)); };
  std::printf("%-10s  accuracy %s  AUC %s\n", part, figure(summary.accuracy).c_str(), figure(summary.auc).c_str());
  for (const ClassSummary& c : summary.classes) {
    std::printf("            %-6s  precision %s  recall %s  F1 %s\n", printable(c.name, 40).c_str(),
                figure(c.precision).c_str(), figure(c.recall).c_str(), figure(c.f1).c_str());
  }
}

void run_cv(const CvCommand& command) {
  const ChosenOptions chosen = command.words.resolve();
  TrainOptions options = chosen.values().train;
  check_output_folder(command.output, {command.manifest, command.splits, options.weights},
                      {"fold_*", "config.json", "source.json", "summary.json", "plans.txt"});
  if (command.force_new && !command.words.dry_run)
    set_aside(command.output, "config.json", {command.manifest, command.splits, options.weights});
  const Manifest manifest = read_noted_manifest(command.manifest);
  const Splits splits = read_splits(command.splits, manifest);
  note_starting_weights(options);
  Progress progress(command.progress);
  DeviceChoice{chosen.values().device}.choose(options);
  audit::watch_as_asked(options);
  if (command.words.dry_run) {
    check_run(manifest, splits, options, command.output, command.fold, command.jobs);
    print_options(chosen);
    note("dry run: options, manifest, crops, split, weights and folder are accepted; nothing was written");
    return;
  }
  const RunResult result = cross_validate(manifest, splits, options, command.output, command.fold, progress, command.jobs);
  print_part("validation", result.validation, result.folds.size());
  print_part("test", result.test, result.folds.size());
}

void add_common(Command sub, CvCommand& c) {
  sub.add_option("manifest", c.manifest, "manifest.csv of prepared crops").required();
  sub.add_option("--splits", c.splits, "JSON made by `vitrine split`").required();
  sub.add_option("-o,--output", c.output, "folder of the run").required();
  c.words.groups = groups_with("data");
  add_rows(sub, "data", taken_by(c.words));
  sub.add_flag("--force-new", c.force_new, "begin anew: what the folder holds is kept beside it under another name");
  add_progress_options(sub, c.progress);
  add_run_options(sub, c.words);
}

}  // namespace

void add_train(Command app, Chosen& chosen) {
  const auto command = std::make_shared<CvCommand>();
  command->fold = 0;
  const auto sub = app.add_subcommand("train", "train one fold");
  add_common(sub, *command);
  sub.add_option("--fold", *command->fold, "from 0").capture_default_str();
  sub.footer("Example: vitrine train prep/manifest.csv --splits splits.json --fold 0 -o runs/all --epochs 100");
  sub.callback([=, &chosen] { chosen = [=] { run_cv(*command); }; });
}

void add_cv(Command app, Chosen& chosen) {
  const auto command = std::make_shared<CvCommand>();
  const auto sub = app.add_subcommand("cv", "train and evaluate all folds");
  add_common(sub, *command);
  sub.add_option("--jobs", command->jobs, "folds at a time, each on the next of --devices").capture_default_str();
  sub.footer("Example: vitrine cv prep/manifest.csv --splits splits.json -o runs/all --inputs t1c+flair+t2");
  sub.callback([=, &chosen] { chosen = [=] { run_cv(*command); }; });
}

}  // namespace vitrine::cli
