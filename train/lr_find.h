// The learning-rate range test: a short training on a copy, its rate growing step by step, to see where the loss falls and where it breaks.
//
// Rate       lr_k = start (end / start)^(k / steps) at step k = 0 .. steps - 1
// Smoothed   s_k = (1 - 0.98) sum_j 0.98^(k - j) loss_j / (1 - 0.98^(k + 1)); the test ends where s_k > 4 times its smallest so far, or
//            where a loss is not finite
// Valley     two thirds into the longest falling subsequence of the smoothed loss (its length is counted back from its end, as fast.ai does)
// Steep      where the smoothed loss falls most for a step of log lr
// Minimum    a tenth of the rate at the smallest smoothed loss
//            each over the steps without the first tenth and the last five, as fast.ai does
// Reference  Smith 2017, arXiv:1506.01186; fast.ai 2 callback/schedule.py: LRFinder, valley, steep, minimum
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "data/dataset.h"
#include "train/options.h"

namespace vitrine {

struct LrFindOptions {
  double start = 1e-7, end = 10;
  int steps = 100;
};

struct LrCurve {
  std::vector<double> lr, loss, smoothed;  // of each step that was made
  int steps = 0;                           // that were asked for
};

struct LrSuggestions {
  std::optional<double> valley, steep, minimum;  // none where the curve has too few steps
};

// Trains a network of its own, by the same options, batches and draws as a fold's first steps would be, over as many epochs as the steps take.
// UsageError for options out of range.
LrCurve find_lr(const Dataset& train, const TrainOptions& options, const LrFindOptions& range, Progress& progress);

LrSuggestions suggestions(const LrCurve& curve);

std::string lr_curve_csv(const LrCurve& curve);  // step, lr, loss, smoothed

}  // namespace vitrine
