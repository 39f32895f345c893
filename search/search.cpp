#include "search/search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/lock.h"
#include "base/number.h"
#include "base/output.h"
#include "data/sampler.h"
#include "report/search_page.h"
#include "search/state.h"
#include "search/table.h"
#include "train/choice.h"
#include "train/run_files.h"
#include "train/trainer.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;  // for progress alone

constexpr double kSecondsBetweenPages = 10;

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(seconds));
  const std::string rest = std::to_string(whole % 60);
  return std::to_string(whole / 60) + ":" + (rest.size() < 2 ? "0" : "") + rest;
}

// What the search sees of the split.
SplitPart searched_part(const SearchTask& task, bool test = false) {
  const auto count = static_cast<int>(task.splits.folds.size());
  for (const int fold : task.space.folds) {
    if (fold < 0 || fold >= count)
      throw UsageError(text("folds of [search] names ", fold, ", the split has the folds 0 to ", count - 1));
  }
  return {task.space.folds, test};
}

// Visits of images in the epochs of the searched folds. Depends on the inputs, since a crop may lack some of them.
class Visits {
 public:
  Visits(const Manifest& manifest, const Splits& splits) : manifest_(manifest), splits_(splits) {}

  std::int64_t of_epoch(const TrainOptions& options) {
    std::int64_t sum = 0;
    for (std::size_t f = 0; f < splits_.folds.size(); ++f) sum += of_fold(options, f, is_nested(options.select));
    return sum;
  }

  // Of the second trainings of --select nested-refit, each on all of its fold's training part.
  std::int64_t of_refits(const TrainOptions& options, const RunResult& run) {
    std::int64_t sum = 0;
    for (std::size_t f = 0; f < std::min(run.folds.size(), splits_.folds.size()); ++f) {
      const auto epochs = static_cast<std::int64_t>(run.folds[f].refit.size());
      if (epochs > 0) sum += epochs * of_fold(options, f, false);
    }
    return sum;
  }

 private:
  std::int64_t of_fold(const TrainOptions& options, std::size_t f, bool without_inner) {
    const Balance balance = balance_of(options);
    const std::string key =
        text(f, options.inputs, balance == Balance::none ? "" : " oversampled", without_inner ? " nested" : "");
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    const Fold& fold = splits_.folds[f];
    std::vector<std::string> subjects = fold.train;
    if (without_inner) std::erase_if(subjects, [&](const std::string& s) { return std::ranges::count(fold.inner, s) > 0; });
    const Dataset data = load_dataset(manifest_, subjects, input_configuration(options.inputs));
    const auto classes = static_cast<int>(data.classes.size());
    return known_[key] = std::ssize(epoch_order(data.labels, classes, balance, options.seed, 1));
  }

  const Manifest& manifest_;
  const Splits& splits_;
  std::map<std::string, std::int64_t> known_;
};

class Search {
 public:
  Search(const SearchTask& task, Progress& progress)
      : task_(task),
        progress_(progress),
        manifest_(part_of(task.manifest, task.splits, searched_part(task))),
        splits_(part_of(task.splits, searched_part(task))),
        visits_(manifest_, splits_) {}

  SearchResult run() {
    const SearchSpace& space = task_.space;
    const int most = task_.base.train.epochs, count = static_cast<int>(task_.trials.size());
    result_.rungs =
        space.halving ? plan_rungs(count, space.halving->eta, space.halving->min_epochs, most) : std::vector<Rung>{{0, count}};
    std::vector<int> numbers(task_.trials.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = task_.trials[i].number;
    for (std::size_t rung = 0; rung < result_.rungs.size() && !numbers.empty(); ++rung) {
      const std::size_t first = result_.runs.size();
      for (std::size_t i = 0; i < numbers.size(); ++i) one(numbers[i], static_cast<int>(rung), i, numbers.size());
      if (rung + 1 < result_.rungs.size()) numbers = survivors(first, static_cast<std::size_t>(result_.rungs[rung + 1].trials));
    }
    result_.finished = true;
    publish(true);
    return std::move(result_);
  }

 private:
  // The trials of the rung that began at `first` that go on.
  std::vector<int> survivors(std::size_t first, std::size_t keep) const {
    std::vector<int> numbers;
    for (const std::size_t i : best_of(scores(first), lower_is_better(task_.space.metric), keep))
      numbers.push_back(result_.runs[first + i].trial);
    return numbers;
  }

  std::vector<std::optional<double>> scores(std::size_t first) const {
    std::vector<std::optional<double>> all;
    for (std::size_t i = first; i < result_.runs.size(); ++i) {
      const TrialRun& run = result_.runs[i];
      all.push_back(run.score.mean ? std::optional(run.score.mean->mean) : std::nullopt);
    }
    return all;
  }

  // Among the runs from `first`, those of one rung: a higher rung's best replaces a lower one's.
  void choose_best(std::size_t first) {
    const std::vector<std::size_t> best = best_of(scores(first), lower_is_better(task_.space.metric), 1);
    if (!best.empty()) result_.best = first + best.front();
  }

  void one(int number, int rung, std::size_t place, std::size_t of) {
    check_interrupt("the search");
    TrialRun run;
    run.trial = number;
    run.rung = rung + 1;
    const int epochs = result_.rungs[static_cast<std::size_t>(rung)].epochs;
    const TrainOptions options = options_of(task_, number, epochs);
    run.epochs = options.epochs;
    run.visits = visits_.of_epoch(options) * options.epochs;
    const std::string title = text("trial ", place + 1, " of ", of, rung_text(rung, run.epochs));
    progress_.line(text(title, ": ", trial_text(task_.space, task_.trials[static_cast<std::size_t>(number - 1)])));
    const fs::path folder = trial_folder(task_, number, rung + 1);
    const Clock::time_point start = Clock::now();
    bool trained = false;
    if (const auto failure = read_failure(folder)) {
      run.failure = *failure;
    } else {
      trained = !path_exists(folder / "summary.json");
      train(run, options, folder);
    }
    if (trained) {
      seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
      visited_ += static_cast<double>(run.visits);
    }
    result_.runs.push_back(std::move(run));
    choose_best(result_.runs.size() - place - 1);
    report(title, rung, place, of);
    publish(false);
  }

  void train(TrialRun& run, const TrainOptions& options, const fs::path& folder) {
    try {
      const RunResult result = finished(options, folder);
      run.score = score_of(result, task_.space.metric);
      run.visits += visits_.of_refits(options, result);
    } catch (const NumericalError& error) {
      run.failure = error.what();
      write_failure(folder, run.failure);
      progress_.warn(text("trial ", run.trial, " failed: ", run.failure));
      return;
    }
    if (!run.score.mean) run.failure = text(metric_title(task_.space.metric), " is undefined in every fold");
  }

  // The result of the trial, trained if it is not there.
  RunResult finished(const TrainOptions& options, const fs::path& folder) {
    if (path_exists(folder / "summary.json") && !options.keeping.retrain_damaged) {
      check_claim(folder, splits_, options);
      RunResult run = read_run(folder);
      if (run.folds.size() == splits_.folds.size()) return run;
    }
    make_directory(folder);
    return cross_validate(manifest_, splits_, options, folder, std::nullopt, progress_, task_.jobs);
  }

  std::string rung_text(int rung, int epochs) const {
    return task_.space.halving ? text(", rung ", rung + 1, " of ", result_.rungs.size(), ", ", epochs, " epochs")
                               : std::string();
  }

  void report(const std::string& title, int rung, std::size_t place, std::size_t of) {
    const TrialRun& run = result_.runs.back();
    const char* metric = metric_title(task_.space.metric);
    std::string line = title + "  ";
    line += run.score.mean ? text(metric, " ", mean_sd_text(run.score.mean, 3, 0)) : std::string("no score");
    const std::vector<std::optional<double>> all = scores(result_.runs.size() - place - 1);  // of this rung
    if (const auto best = best_of(all, lower_is_better(task_.space.metric), 1); !best.empty())
      line += text("  best ", fixed(*all[best.front()], 3), " (trial ",
                   result_.runs[result_.runs.size() - place - 1 + best.front()].trial, ")");
    if (visited_ > 0) line += "  ETA " + clock_text(visits_left(rung, place, of) * seconds_ / visited_);
    progress_.line(line);
  }

  // An estimate: the rest of the rung, and later rungs, each trial as this one's average so far.
  double visits_left(int rung, std::size_t place, std::size_t of) const {
    double an_epoch = 0;
    for (const TrialRun& run : result_.runs)
      an_epoch += static_cast<double>(run.visits) / run.epochs / static_cast<double>(result_.runs.size());
    double left = an_epoch * result_.runs.back().epochs * static_cast<double>(of - place - 1);
    for (std::size_t r = static_cast<std::size_t>(rung) + 1; r < result_.rungs.size(); ++r)
      left += an_epoch * result_.rungs[r].epochs * result_.rungs[r].trials;
    return left;
  }

  void publish(bool whole) {
    write_file(task_.out / "trials.csv", trials_csv(task_, result_));
    const Clock::time_point now = Clock::now();
    if (!whole && std::chrono::duration<double>(now - published_).count() < kSecondsBetweenPages) return;
    published_ = now;
    write_file(task_.out / "search.html",
               report::search_html(search_page(task_, result_, whole ? read_final(task_, result_) : std::nullopt)));
  }

  const SearchTask& task_;
  Progress& progress_;
  Manifest manifest_;
  Splits splits_;
  Visits visits_;
  SearchResult result_;
  Clock::time_point published_;
  double seconds_ = 0, visited_ = 0;  // of what was trained just now
};

Splits final_splits(const SearchTask& task) {
  return task.space.folds.empty() ? task.splits : part_of(task.splits, searched_part(task, true));
}

const TrialRun& winner(const SearchResult& result) {
  if (!result.best) throw UsageError("no trial of the search has a result; there is nothing to train finally");
  return result.runs[*result.best];
}

bool same_validation(const SearchTask& task, const TrialRun& best, const RunResult& run) {
  const RunResult trial = read_run(trial_folder(task, best.trial, best.rung));
  if (trial.folds.size() != run.folds.size()) return false;
  for (std::size_t f = 0; f < run.folds.size(); ++f) {
    if (predictions_csv(run.folds[f].validation, run.folds[f].classes) !=
        predictions_csv(trial.folds[f].validation, trial.folds[f].classes))
      return false;
  }
  return true;
}

}  // namespace

fs::path trial_folder(const SearchTask& task, int trial, int rung) {
  const std::string digits = std::to_string(trial);
  const fs::path folder = task.out / "trials" / (std::string(4 - std::min<std::size_t>(4, digits.size()), '0') + digits);
  return task.space.halving ? folder / text("rung_", rung) : folder;
}

TrainOptions options_of(const SearchTask& task, int trial, int epochs) {
  TrainOptions options = options_of(task.space, task.trials[static_cast<std::size_t>(trial - 1)], task.base).train;
  if (task.space.halving) options.epochs = epochs;
  return options;
}

void check_search(const SearchTask& task) {
  if (task.space.halving && task.space.halving->min_epochs > task.base.train.epochs)
    throw UsageError(text(task.space.path, ": min-epochs is ", task.space.halving->min_epochs, ", more than --epochs, ",
                          task.base.train.epochs));
  const SplitPart part = searched_part(task);
  const Manifest manifest = part_of(task.manifest, task.splits, part);
  const Splits splits = part_of(task.splits, part);
  check_search_claim(task);
  // Which crops are read depends on the inputs; which weights fit, on the texts of the network.
  std::set<std::string> seen;
  for (const Trial& trial : task.trials) {
    const RunOptions options = options_of(task.space, trial, task.base);
    std::string key = options.train.inputs;
    for (const OptionRow& row : option_rows()) {
      const bool of_network = row.group == std::string_view("network") && (is_text(row) || is_flag(row));
      if (of_network && !options.train.weights.empty()) key += "\n" + value_text(row, options);
    }
    if (!seen.insert(key).second) continue;
    check_interrupt("the check of the trials");
    TrainOptions checked = options.train;
    if (checked.weights.empty())
      checked.arch = TrainOptions{}.arch;  // drawn weights fit; a large network's need not be drawn for that
    check_run(manifest, splits, checked, task.out / "trials" / "any", std::nullopt, task.jobs);
  }
}

SearchResult run_search(const SearchTask& task, Progress& progress) {
  check_search(task);
  make_directory(task.out);
  const FolderLock lock(task.out);
  claim_search(task);
  make_directory(task.out / "trials");
  return Search(task, progress).run();
}

FinalRun train_final(const SearchTask& task, const SearchResult& result, Progress& progress) {
  const FolderLock lock(task.out);
  const TrialRun& best = winner(result);
  FinalRun final;
  final.run = cross_validate(task.manifest, final_splits(task), options_of(task, best.trial, best.epochs), task.out / "final",
                             std::nullopt, progress, task.jobs);
  final.same = same_validation(task, best, final.run);
  write_file(task.out / "search.html", report::search_html(search_page(task, result, final)));
  return final;
}

std::optional<FinalRun> read_final(const SearchTask& task, const SearchResult& result) {
  const fs::path folder = task.out / "final";
  if (!result.best || !path_exists(folder / "summary.json")) return std::nullopt;
  const TrialRun& best = winner(result);
  check_claim(folder, final_splits(task), options_of(task, best.trial, best.epochs));
  FinalRun final;
  final.run = read_run(folder);
  final.same = same_validation(task, best, final.run);
  return final;
}

}  // namespace vitrine
