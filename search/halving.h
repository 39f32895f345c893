// Successive halving: many trials are trained for a few epochs, the best of them for more.
//
// Reference  Jamieson, Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization", arXiv:1502.07943, algorithm 1,
//            with a share of 1 / eta instead of a half. Each rung trains its trials anew, with a schedule that is whole: a one-cycle of 10 epochs
//            is not the beginning of one of 100.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace vitrine {

struct Rung {
  int epochs = 0;
  int trials = 0;  // at most: a trial that failed does not go on
};

// Rungs of min_epochs, min_epochs * eta, ... and of max_epochs; of n trials n / eta go on, rounded down, at least one; one that is alone goes
// straight to the last rung. Every count from 1, eta from 2, min_epochs <= max_epochs: InternalError otherwise.
std::vector<Rung> plan_rungs(int trials, int eta, int min_epochs, int max_epochs);

// Indices of the best `keep` scores, ascending; of equals the first. Those without a score are left out.
std::vector<std::size_t> best_of(std::span<const std::optional<double>> scores, bool lower_is_better, std::size_t keep);

}  // namespace vitrine
