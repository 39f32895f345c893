// How far probabilities can be taken at their word: Brier score, log loss, calibration in bins.
//
//   Brier score   two classes: mean of (p_i - y_i)^2, p_i the probability of the positive class; more: mean over units of the sum over classes
//                 (Brier 1950, "Verification of forecasts expressed in terms of probability"; scikit-learn's brier_score_loss)
//   log loss      mean of -ln of the true class's probability, no smaller than 2^-52: a sure error costs 36.04 and not infinity
//                 (scikit-learn's log_loss)
//   calibration   bins of equal width over the probability of the positive class, (i/B, (i+1)/B], the first with 0
//   ECE           sum over bins of count / n * |observed share - mean probability|: the expected calibration error of the positive class
//                 (after Naeini, Cooper, Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning"); with few units it
//                 is above zero also for perfect probabilities
#pragma once

#include <optional>
#include <vector>

#include "evaluation/figure.h"
#include "evaluation/units.h"

namespace vitrine {

inline constexpr int kCalibrationBins = 10;

struct CalibrationBin {
  double low = 0, high = 0;  // above low (the first: from 0), up to high
  int count = 0;
  std::optional<double> predicted;  // mean probability of the positive class; none in an empty bin
  std::optional<double> observed;   // share of the positive class
};

Figure brier_score(const Scores& scores);  // each of these: none when there is no unit
Figure log_loss(const Scores& scores);
Figure calibration_error(const Scores& scores, int bins = kCalibrationBins);
std::vector<CalibrationBin> calibration(const Scores& scores, int bins = kCalibrationBins);  // InternalError below one bin

}  // namespace vitrine
