#include "search/score.h"

#include <algorithm>

#include "tensor/math.h"

namespace vitrine {
namespace {

std::optional<double> mean_loss(const std::vector<Prediction>& predictions) {
  if (predictions.empty()) return std::nullopt;
  double sum = 0;
  for (const Prediction& p : predictions)  // as train/trainer.cpp
    sum -= log_portable(std::max(p.probability[static_cast<std::size_t>(p.label)], 1e-300));
  return sum / static_cast<double>(predictions.size());
}

std::optional<double> mean_f1(const Metrics& m) {
  double sum = 0;
  int classes = 0;
  for (const ClassMetrics& c : m.classes) {
    if (c.support == 0 && !c.precision) continue;  // neither there nor predicted
    sum += c.f1.value_or(0);
    ++classes;
  }
  return classes > 0 ? std::optional(sum / classes) : std::nullopt;
}

}  // namespace

std::optional<double> validation_score(const FoldFiles& fold, SearchMetric metric) {
  if (metric == SearchMetric::loss) return mean_loss(fold.validation);
  const Metrics m = metrics_of(fold.validation, fold.classes);
  if (metric == SearchMetric::auc) return m.auc;
  if (metric == SearchMetric::f1) return mean_f1(m);
  return m.count > 0 ? std::optional(m.accuracy) : std::nullopt;
}

TrialScore score_of(const RunResult& run, SearchMetric metric) {
  TrialScore score;
  std::vector<double> values;
  for (const FoldFiles& fold : run.folds) {
    score.folds.push_back(validation_score(fold, metric));
    if (score.folds.back()) values.push_back(*score.folds.back());
  }
  score.mean = mean_sd(values);
  return score;
}

}  // namespace vitrine
