// `vitrine search`: many cross-validations over a space of options, judged on validation parts only.
#include "search/search.h"
#include "cli/command.h"

#include <cstdio>
#include <memory>

#include "audit/fold_audit.h"
#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "cli/noted_manifest.h"
#include "cli/progress_options.h"
#include "cli/train_options.h"

namespace vitrine::cli {
namespace {

struct SearchCommand {
  std::string space, manifest, splits, output;
  int jobs = 1;
  bool final = false;
  ProgressMode progress = ProgressMode::automatic;
  ChosenWords words;
};

std::string figure(const std::optional<MeanSd>& v) { return mean_sd_text(v, 3, 0); }

// A searched option has its values from the space; a recipe's value of it gives way, one that was named for this run would be lost.
void refuse_named_twice(const SearchSpace& space, const ChosenOptions& chosen) {
  for (const ChosenOptions::Line& line : chosen.lines()) {
    if (line.origin == "default" || line.origin.rfind("recipe ", 0) == 0) continue;
    for (const SearchedOption& o : space.options) {
      if (line.name == o.row->name)
        throw UsageError(text("--", line.name, " is ", printable(line.value, 40), " by ",
                              line.origin == "command line" ? "the command line" : line.origin, ", and searched by ",
                              space.path, ":", o.line, "; leave one of the two out"));
    }
  }
}

void name_inputs(SearchCommand& command, const SearchSpace& space) {
  if (command.manifest.empty()) command.manifest = space.manifest;
  if (command.splits.empty()) command.splits = space.splits;
  if (command.manifest.empty())
    throw UsageError(text("the search has no manifest; write `vitrine search ", space.path.filename(),
                          " prep/manifest.csv ...`, or manifest = \"...\" in ", space.path));
  if (command.splits.empty())
    throw UsageError(text("the search has no split; pass --splits, or write splits = \"...\" in ", space.path));
}

void print_trials(const SearchTask& task) {
  for (const auto& [name, value] : describe(task.space))
    std::printf("%-24s  %s\n", name.c_str(), printable(value, 200).c_str());
  std::printf("\n");
  const std::vector<Rung> rungs = task.space.halving ? plan_rungs(static_cast<int>(task.trials.size()), task.space.halving->eta,
                                                                  task.space.halving->min_epochs, task.base.train.epochs)
                                                     : std::vector<Rung>{};
  for (std::size_t r = 0; r < rungs.size(); ++r)
    std::printf("rung %zu: %d trials of %d epochs\n", r + 1, rungs[r].trials, rungs[r].epochs);
  for (const Trial& trial : task.trials) std::printf("trial %d: %s\n", trial.number, trial_text(task.space, trial).c_str());
}

void print_best(const SearchTask& task, const SearchResult& result) {
  const std::string table = shown(task.out / "trials.csv"), page = shown(task.out / "search.html");
  if (!result.best) {
    std::printf("no trial has a result; the reasons stand in %s\n", table.c_str());
    return;
  }
  const TrialRun& best = result.runs[*result.best];
  std::printf("best: trial %d, validation %s %s over %d %s: %s%s\n", best.trial, metric_title(task.space.metric),
              figure(best.score.mean).c_str(), best.score.mean->count, best.score.mean->count == 1 ? "fold" : "folds",
              trial_text(task.space, task.trials[static_cast<std::size_t>(best.trial - 1)]).c_str(),
              task.space.halving ? text(", ", best.epochs, " epochs").c_str() : "");
  std::printf("trials: %s   page: %s\n", table.c_str(), page.c_str());
}

void print_final(const SearchTask& task, const SearchResult& result, const FinalRun& final) {
  std::printf("%-10s  accuracy %s  AUC %s\n", "validation", figure(final.run.validation.accuracy).c_str(),
              figure(final.run.validation.auc).c_str());
  std::printf("%-10s  accuracy %s  AUC %s\n", "test", figure(final.run.test.accuracy).c_str(),
              figure(final.run.test.auc).c_str());
  std::size_t scored = 0;
  for (const TrialRun& run : result.runs) scored += run.score.mean ? 1 : 0;
  std::printf(
      "These options were chosen as the best of %zu trials (%zu scores) by their validation %s, so their validation score is "
      "optimistic; the "
      "test part had no say in the choice.\n",
      task.trials.size(), scored, metric_title(task.space.metric));
  if (!final.same)
    note("the validation predictions are not those of the winning trial, byte for byte: another device computed them");
}

void run(SearchCommand command) {
  SearchTask task;
  task.space = read_space(command.space);
  const ChosenOptions chosen = command.words.resolve();
  refuse_named_twice(task.space, chosen);
  name_inputs(command, task.space);
  task.base = chosen.values();
  check_output_folder(command.output, {command.manifest, command.splits, command.space, task.base.train.weights},
                      {"trials", "final", "search.json", "trials.csv", "search.html"});
  task.trials = plan_trials(task.space);
  task.manifest = read_noted_manifest(command.manifest);
  task.splits = read_splits(command.splits, task.manifest);
  if (command.final && task.splits.test.empty())
    throw UsageError(
        text("--final evaluates on the test part, and that of ", std::filesystem::path(command.splits), " is empty"));
  task.out = command.output;
  task.jobs = command.jobs;
  note_starting_weights(task.base.train);
  DeviceChoice{task.base.device}.choose(task.base.train);
  audit::watch_as_asked(task.base.train);
  if (command.words.dry_run) {
    check_search(task);
    print_options(chosen);
    std::printf("\n");
    print_trials(task);
    note(
        "dry run: space, options of every trial, manifest, crops, split, weights and folder are accepted; nothing was written");
    return;
  }
  Progress progress(command.progress);
  const SearchResult result = run_search(task, progress);
  print_best(task, result);
  if (command.final) {
    print_final(task, result, train_final(task, result, progress));
  } else if (result.best && !task.splits.test.empty()) {
    std::printf("the test part was not read; the same command with --final evaluates the best trial's options on it, once\n");
  }
}

}  // namespace

void add_search(Command app, Chosen& chosen) {
  const auto c = std::make_shared<SearchCommand>();
  const auto sub =
      app.add_subcommand("search", "search over options on the validation folds: grid, random, successive halving");
  sub.add_option("space", c->space, "TOML file: options with the values to try, and [search] (docs/search.md)").required();
  sub.add_option("manifest", c->manifest, "manifest.csv of prepared crops; the space may name it");
  sub.add_option("--splits", c->splits, "JSON made by `vitrine split`; the space may name it");
  sub.add_option("-o,--output", c->output, "folder of the search; the same command goes on where it was stopped").required();
  sub.add_option("--jobs", c->jobs, "folds at a time, each on the next of --devices").capture_default_str();
  sub.add_flag("--final", c->final, "then evaluate the best trial's options on the test part, once");
  c->words.groups = groups_with("data");
  add_rows(sub, "data", taken_by(c->words));
  add_progress_options(sub, c->progress);
  add_run_options(sub, c->words);
  sub.footer(
      "Example: vitrine search examples/spaces/paper.toml prep/manifest.csv --splits splits.json -o searches/paper --epochs "
      "100");
  sub.callback([=, &chosen] { chosen = [=] { run(*c); }; });
}

}  // namespace vitrine::cli
