#include "search/score.h"

namespace vitrine {
std::optional<double> validation_score(const FoldFiles& fold, Monitor metric) {
  if (fold.validation.empty()) return std::nullopt;
  std::vector<std::vector<double>> probability;
  std::vector<int> labels;
  for (const Prediction& p : fold.validation) {
    probability.push_back(p.probability);
    labels.push_back(p.label);
  }
  EpochRecord figures;
  evaluate(probability, labels, static_cast<int>(fold.classes.size()), figures);
  return figure_of(figures, metric);
}

TrialScore score_of(const RunResult& run, Monitor metric) {
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
