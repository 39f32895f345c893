// DeLong's test: the variance of an AUC, and the difference of two AUCs on the same units.
//
// With m positive units x_i and n negative ones y_j, psi(x, y) = 1 for x > y, 1/2 for x = y, 0 for x < y:
//
//   AUC = mean of psi over all pairs,   V10_i = mean over j of psi(x_i, y_j),   V01_j = mean over i of psi(x_i, y_j)
//   covariance of two AUCs = S10 / m + S01 / n,   S10, S01 the sample covariances (m - 1, n - 1) of their V10 and V01
//   z = (AUC_a - AUC_b) / sqrt(var_a + var_b - 2 cov_ab),   p = P(|Z| >= |z|)
//
// Intervals are 95 %, normal. Placements come from midranks: O(n log n).
//
// Assumes   independent units. Slices of a lesion and lesions of a subject are not: at those levels variances, intervals and p are too small. Take
//           subjects, or the bootstrap of subjects (evaluation/bootstrap.h).
//           The normal approximation takes some units of each class (kFewUnits, a rule of thumb): of two and four p is too small by far.
// Reference DeLong, DeLong, Clarke-Pearson 1988, doi 10.2307/2531595; Sun, Xu 2014, doi 10.1109/LSP.2014.2337313 (midranks).
#pragma once

#include <span>

#include "evaluation/figure.h"

namespace vitrine {

inline constexpr int kFewUnits = 10;  // of the rarer class

struct AucVariance {
  int fewest = 0;  // units of the rarer class
  Figure auc;
  Figure variance;
  Figure low, high;  // within [0, 1]
};

// The variance is none with fewer than two units of a class; the interval also when the variance is 0 (classes perfectly apart).
AucVariance delong_variance(std::span<const int> is_positive, std::span<const double> score);

struct AucDifference {  // a minus b
  int fewest = 0;       // units of the rarer class
  Figure auc_a, auc_b, difference;
  Figure covariance;
  Figure standard_error, low, high;  // of the difference; within [-1, 1]
  Figure z, p;                       // none when the standard error is 0
};

AucDifference delong_test(std::span<const int> is_positive, std::span<const double> score_a, std::span<const double> score_b);

}  // namespace vitrine
