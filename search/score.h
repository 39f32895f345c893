// What a trial is judged by: a metric of the validation parts at the chosen epochs.
#pragma once

#include <optional>
#include <vector>

#include "search/space.h"
#include "train/cross_validation.h"

namespace vitrine {

struct TrialScore {
  std::vector<std::optional<double>>
      folds;                   // undefined where a fold has one class only (AUC), or a class is never predicted nor there (F1)
  std::optional<MeanSd> mean;  // over the folds where it is defined; none: the trial has no score
};

// The figure by which an epoch may be chosen, too (train/choice.h); none of no prediction.
std::optional<double> validation_score(const FoldFiles& fold, Monitor metric);
TrialScore score_of(const RunResult& run, Monitor metric);

}  // namespace vitrine
