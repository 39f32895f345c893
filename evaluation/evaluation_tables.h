// The tables of `vitrine eval -o`. Every number in them can be computed anew from the run's preds_val.csv and preds_test.csv.
//
// Columns that all share: run; part (validation, test); level (slice, lesion, subject); fold (0, 1, ...: of one fold; pooled: validation units
// of all folds; ensemble: test units by the mean probability of all folds' networks). An undefined number is n/a; numbers read back to the
// same bits.
#pragma once

#include <string>
#include <vector>

#include "evaluation/evaluation.h"

namespace vitrine {

struct RunEvaluation {
  std::string run;
  std::vector<LevelEvaluation> parts;  // of each part and level
};

// figure, class, fold (mean, sd: over folds), value, low, high (95 %, of pooled and ensemble), n (units; of mean and sd: folds), left_out
// (replicates without the figure), why (why a number is n/a, or how to read it). Beside the figures of evaluation/figures.h: threshold, and
// auc_delong with DeLong's interval.
std::string metrics_csv(const std::vector<RunEvaluation>& runs);
std::string roc_csv(
    const std::vector<RunEvaluation>& runs);  // threshold, false_positive_rate, true_positive_rate; none of one class
std::string pr_csv(const std::vector<RunEvaluation>& runs);           // threshold, recall, precision; none of one class
std::string calibration_csv(const std::vector<RunEvaluation>& runs);  // low, high, count, predicted, observed
std::string confusion_csv(const std::vector<RunEvaluation>& runs);    // actual, predicted, count

// One row a pair of runs, part and level: AUCs, DeLong's difference a - b with interval, z and p, the bootstrap's interval.
std::string differences_csv(const std::vector<RunComparison>& comparisons);

// What a reader must know of DeLong's numbers at this level and with so few units of the rarer class; empty when there is nothing.
std::string delong_note(Level level, int fewest);
// "pooled", "ensemble"
std::string_view pooled_name(Part part);

}  // namespace vitrine
