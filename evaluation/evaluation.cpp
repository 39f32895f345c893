#include "evaluation/evaluation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "evaluation/threshold.h"

namespace vitrine {
namespace {

std::vector<Units> validation_units(const RunPredictions& run, Level level) {
  std::vector<Units> folds;
  for (const FoldPredictions& fold : run.folds) folds.push_back(units_of(fold.validation, run.classes, level));
  return folds;
}

Units all_but(const std::vector<Units>& folds, std::size_t left_out) {
  std::vector<Units> others;
  for (std::size_t i = 0; i < folds.size(); ++i) {
    if (i != left_out) others.push_back(folds[i]);
  }
  return joined(others);
}

// For the validation units of a fold.
Figure validation_threshold(const std::vector<Units>& folds, std::size_t fold, const EvaluationOptions& options) {
  if (options.threshold) return Figure::of(*options.threshold);
  if (folds.size() < 2) return Figure::none("one fold leaves no other validation part to choose a threshold on");
  return youden_threshold(all_but(folds, fold).scores);
}

ScoredSet scored(Units units, const Figure& threshold, const std::vector<FigureId>& ids) {
  ScoredSet set{std::move(units), threshold, {}};
  apply_threshold(set.units.scores, threshold);
  set.figures = figures_of(set.units.scores, set.units.classes, ids);
  return set;
}

void score_validation(LevelEvaluation& e, const std::vector<Units>& validation, const EvaluationOptions& options) {
  std::vector<Units> called;
  for (std::size_t i = 0; i < validation.size(); ++i) {
    e.folds.push_back(scored(validation[i], validation_threshold(validation, i, options), e.ids));
    called.push_back(e.folds.back().units);
  }
  e.pooled.units = joined(called);
  e.pooled.threshold = options.threshold ? Figure::of(*options.threshold) : Figure::none("each fold has its own");
  e.pooled.figures = figures_of(e.pooled.units.scores, e.classes, e.ids);
}

void score_test(LevelEvaluation& e, const RunPredictions& run, const std::vector<Units>& validation,
                const EvaluationOptions& options) {
  const auto threshold_on = [&](const Units& units) {
    return options.threshold ? Figure::of(*options.threshold) : youden_threshold(units.scores);
  };
  for (std::size_t i = 0; i < validation.size(); ++i)
    e.folds.push_back(scored(units_of(run.folds[i].test, run.classes, e.level), threshold_on(validation[i]), e.ids));
  e.pooled = scored(units_of(ensemble_of_test(run.folds), run.classes, e.level), threshold_on(joined(validation)), e.ids);
}

std::vector<std::optional<MeanSd>> over_folds(const LevelEvaluation& e) {
  std::vector<std::optional<MeanSd>> all;
  for (std::size_t f = 0; f < e.ids.size(); ++f) {
    std::vector<double> values;
    for (const ScoredSet& fold : e.folds) {
      if (fold.figures[f].value) values.push_back(*fold.figures[f].value);
    }
    all.push_back(mean_sd(values));
  }
  return all;
}

const std::vector<Prediction>& part_of(const FoldPredictions& fold, Part part) {
  return part == Part::validation ? fold.validation : fold.test;
}

// The predictions of a part, each sample once.
std::vector<Prediction> pooled_predictions(const RunPredictions& run, Part part) {
  if (part == Part::test) return ensemble_of_test(run.folds);
  std::vector<Prediction> all;
  for (const FoldPredictions& fold : run.folds) {
    const std::vector<Prediction>& more = part_of(fold, part);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

// Leaves in both what both have; gives the number of samples that were only in one. DataError.
int keep_common(std::vector<Prediction>& a, std::vector<Prediction>& b, const RunPredictions& run_a,
                const RunPredictions& run_b) {
  std::map<std::string, const Prediction*, std::less<>> in_b;
  for (const Prediction& p : b) in_b.emplace(p.sample_id, &p);
  std::vector<Prediction> common_a, common_b;
  for (const Prediction& p : a) {
    const auto found = in_b.find(p.sample_id);
    if (found == in_b.end()) continue;
    const Prediction& other = *found->second;
    if (other.subject_id != p.subject_id || other.lesion_id != p.lesion_id || other.label != p.label)
      throw DataError(text("the sample '", printable(p.sample_id), "' has another subject, lesion or label in ",
                           printable(run_b.name), " than in ", printable(run_a.name),
                           "; runs of one manifest can be compared"));
    common_a.push_back(p);
    common_b.push_back(other);
  }
  if (common_a.empty())
    throw DataError(text(printable(run_a.name), " and ", printable(run_b.name), " have no sample in common"));
  const auto left_out = static_cast<int>(a.size() + b.size() - 2 * common_a.size());
  a = std::move(common_a);
  b = std::move(common_b);
  return left_out;
}

Figure auc_difference(const Scores& a, const Scores& b) {
  const std::vector<int> is_positive = a.positives();
  const std::optional<double> auc_a = roc_auc(is_positive, a.scores()), auc_b = roc_auc(is_positive, b.scores());
  return auc_a && auc_b ? Figure::of(*auc_a - *auc_b) : Figure::none("only one class is present");
}

}  // namespace

std::string_view name_of(Part part) { return part == Part::validation ? "validation" : "test"; }

void check(const EvaluationOptions& options) {
  if (options.threshold && !(*options.threshold >= 0 && *options.threshold <= 1))
    throw UsageError(text("--threshold is ", *options.threshold, ", expected youden or a number from 0 to 1"));
  check(options.bootstrap);
}

std::size_t LevelEvaluation::at(FigureKind kind, int of_class) const {
  const auto found = std::find(ids.begin(), ids.end(), FigureId{kind, of_class});
  if (found == ids.end()) throw InternalError(text("evaluation: no ", key_of(kind), " at the level of ", name_of(level), "s"));
  return static_cast<std::size_t>(found - ids.begin());
}

LevelEvaluation evaluate(const RunPredictions& run, Part part, Level level, const EvaluationOptions& options) {
  check(options);
  LevelEvaluation e;
  e.part = part;
  e.level = level;
  e.classes = run.classes;
  e.ids = figure_ids(level, static_cast<int>(run.classes.size()));
  const std::vector<Units> validation = validation_units(run, level);
  if (part == Part::validation) {
    score_validation(e, validation, options);
  } else {
    score_test(e, run, validation, options);
  }
  for (std::size_t i = 0; i < e.folds.size(); ++i)
    e.folds[i].fold = run.folds[i].number < 0 ? static_cast<int>(i) : run.folds[i].number;
  const Units& units = e.pooled.units;
  e.subjects = subject_count(units);
  e.over_folds = over_folds(e);
  e.intervals = bootstrap(by_subject(units), options.bootstrap, [&](std::span<const std::size_t> drawn) {
    return figures_of(select(units.scores, drawn), e.classes, e.ids);
  });
  e.delong = delong_variance(units.scores.positives(), units.scores.scores());
  return e;
}

RunComparison compare(const RunPredictions& a, const RunPredictions& b, Part part, Level level,
                      const EvaluationOptions& options) {
  check(options);
  if (a.classes != b.classes)
    throw DataError(
        text(printable(a.name), " and ", printable(b.name), " have other classes; runs of one manifest can be compared"));
  RunComparison c;
  c.a = a.name;
  c.b = b.name;
  c.part = part;
  c.level = level;
  std::vector<Prediction> of_a = pooled_predictions(a, part), of_b = pooled_predictions(b, part);
  c.left_out = keep_common(of_a, of_b, a, b);
  const Units units_a = units_of(of_a, a.classes, level), units_b = units_of(of_b, b.classes, level);
  c.units = static_cast<int>(units_a.names.size());
  c.subjects = subject_count(units_a);
  c.delong = delong_test(units_a.scores.positives(), units_a.scores.scores(), units_b.scores.scores());
  c.bootstrap = bootstrap(by_subject(units_a), options.bootstrap, [&](std::span<const std::size_t> drawn) {
                  return std::vector<Figure>{auc_difference(select(units_a.scores, drawn), select(units_b.scores, drawn))};
                }).front();
  return c;
}

}  // namespace vitrine
