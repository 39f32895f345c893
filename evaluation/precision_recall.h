// Precision over recall, and average precision (the area that PR AUC names here).
//
//   average precision = sum over thresholds, descending, of (recall_n - recall_{n-1}) precision_n
//
// No interpolation: the trapezoid's area would be too large (Davis, Goadrich 2006, "The relationship between Precision-Recall and ROC curves",
// doi 10.1145/1143844.1143874). The definition is scikit-learn's average_precision_score.
#pragma once

#include <span>
#include <vector>

#include "evaluation/figure.h"

namespace vitrine {

// Scores at or above the threshold are called positive. Thresholds descend over every score that occurs, equal scores as one point; the first
// point is (recall 0, precision 1) at infinity. Recall is NaN when no unit is positive.
struct PrCurve {
  std::vector<double> recall;
  std::vector<double> precision;
  std::vector<double> threshold;
};

PrCurve pr_curve(std::span<const int> is_positive, std::span<const double> score);

// None when a class is absent. Without a negative one scikit-learn says 1, whatever the scores are; that would flatter.
Figure average_precision(std::span<const int> is_positive, std::span<const double> score);

}  // namespace vitrine
