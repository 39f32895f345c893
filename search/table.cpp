#include "search/table.h"

#include <algorithm>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"

namespace vitrine {
namespace {

const Trial& trial_of(const SearchTask& task, const TrialRun& run) {
  return task.trials[static_cast<std::size_t>(run.trial - 1)];
}

std::vector<std::size_t> fold_numbers(const SearchTask& task) {
  std::vector<std::size_t> numbers;
  for (const int fold : task.space.folds) numbers.push_back(static_cast<std::size_t>(fold));
  for (std::size_t f = 0; task.space.folds.empty() && f < task.splits.folds.size(); ++f) numbers.push_back(f);
  return numbers;
}

report::Value value_of(const std::optional<MeanSd>& v) { return v ? report::Value{v->mean, v->sd, v->count} : report::Value{}; }

// A list of positive numbers over more than a factor of thirty is meant by its ratios.
constexpr double kWide = 30;

report::SearchAxis axis_of(const SearchedOption& o) {
  report::SearchAxis axis;
  axis.name = o.row->name;
  axis.values = o.values;
  axis.numeric = !is_text(*o.row) && !is_flag(*o.row);
  if (!axis.numeric) return axis;
  axis.low = o.low;
  axis.high = o.high;
  axis.log = o.log;
  for (std::size_t i = 0; i < o.values.size(); ++i) {
    double number = 0;
    parse_number(std::string_view(o.values[i]), number);
    axis.low = i == 0 ? number : std::min(axis.low, number);
    axis.high = i == 0 ? number : std::max(axis.high, number);
  }
  if (!o.is_range()) axis.log = axis.low > 0 && axis.high / axis.low >= kWide;
  return axis;
}

std::vector<report::SearchRung> rungs_of(const SearchResult& result, bool lower) {
  std::vector<report::SearchRung> rungs;
  for (std::size_t r = 0; r < result.rungs.size(); ++r) {
    report::SearchRung rung;
    rung.epochs = result.rungs[r].epochs;
    for (const TrialRun& run : result.runs) {
      if (run.rung == static_cast<int>(r) + 2) ++rung.went_on;
      if (run.rung != static_cast<int>(r) + 1) continue;
      ++rung.trials;
      if (!run.score.mean) continue;
      ++rung.scored;
      const double mean = run.score.mean->mean;
      if (rung.best_trial > 0 && !(lower ? mean < rung.best.mean : mean > rung.best.mean)) continue;
      rung.best = value_of(run.score.mean);
      rung.best_trial = run.trial;
    }
    rungs.push_back(rung);
  }
  return rungs;
}

}  // namespace

std::string trials_csv(const SearchTask& task, const SearchResult& result) {
  std::vector<std::string> header{"trial", "rung", "epochs"};
  for (const SearchedOption& o : task.space.options) {
    if (o.row->name != std::string_view("epochs")) header.emplace_back(o.row->name);
  }
  for (const char* name : {"score", "sd", "folds"}) header.emplace_back(name);
  const std::vector<std::size_t> folds = fold_numbers(task);
  for (const std::size_t fold : folds) header.push_back(text("fold_", fold));
  for (const char* name : {"image_visits", "state", "reason"}) header.emplace_back(name);
  std::string csv = csv_line(header);
  for (const TrialRun& run : result.runs) {
    std::vector<std::string> cells{std::to_string(run.trial), std::to_string(run.rung), std::to_string(run.epochs)};
    for (std::size_t o = 0; o < task.space.options.size(); ++o) {
      if (task.space.options[o].row->name != std::string_view("epochs")) cells.push_back(trial_of(task, run).values[o]);
    }
    const std::optional<MeanSd>& mean = run.score.mean;
    cells.push_back(mean ? shortest(mean->mean) : "");
    cells.push_back(mean && mean->count > 1 ? shortest(mean->sd) : "");
    cells.push_back(std::to_string(mean ? mean->count : 0));
    for (std::size_t f = 0; f < folds.size(); ++f)
      cells.push_back(f < run.score.folds.size() && run.score.folds[f] ? shortest(*run.score.folds[f]) : "");
    cells.push_back(run.failure.empty() ? std::to_string(run.visits) : "");
    cells.push_back(run.failure.empty() ? "done" : "failed");
    cells.push_back(run.failure);
    csv += csv_line(cells);
  }
  return csv;
}

report::SearchPage search_page(const SearchTask& task, const SearchResult& result, const std::optional<FinalRun>& final) {
  const SearchSpace& space = task.space;
  report::SearchPage page;
  page.title = "Search over options";
  page.metric = metric_title(space.metric);
  page.lower_is_better = lower_is_better(space.metric);
  page.folds = static_cast<int>(fold_numbers(task).size());
  for (const SearchedOption& o : space.options) page.axes.push_back(axis_of(o));
  for (const TrialRun& run : result.runs)
    page.runs.push_back(
        {run.trial, run.rung, run.epochs, trial_of(task, run).values, value_of(run.score.mean), run.visits, run.failure});
  page.best = result.best;
  page.planned = task.trials.size();
  page.finished = result.finished;
  if (space.halving) page.rungs = rungs_of(result, page.lower_is_better);
  if (final)
    page.final = report::SearchFinal{value_of(final->run.validation.accuracy), value_of(final->run.validation.auc),
                                     value_of(final->run.test.accuracy), value_of(final->run.test.auc), final->same};
  for (auto& fact : describe(space)) page.facts.push_back(std::move(fact));
  page.facts.emplace_back("subjects not seen", text(task.splits.test.size(), " of the test part"));
  for (auto& [name, value] : describe(task.base.train)) {
    const auto recorded = [](const SearchedOption& o) { return std::string_view(o.row->recorded); };
    if (std::ranges::find(space.options, std::string_view(name), recorded) == space.options.end())
      page.facts.emplace_back(name, value);
  }
  page.facts.emplace_back("manifest_sha256", task.splits.manifest_sha256);
  return page;
}

}  // namespace vitrine
