// The threshold of the positive class's probability, for sensitivity and specificity: at or above it a unit is called positive.
//
//   Youden's J = sensitivity + specificity - 1   (Youden 1950, "Index for rating diagnostic tests")
//
// A threshold is chosen on one set of units and applied to another; nothing here does both, so that it is never chosen on what it is judged by.
#pragma once

#include "evaluation/figure.h"
#include "evaluation/units.h"

namespace vitrine {

// The score of `chosen_on` with the largest J; of equal ones the highest, which calls the fewest positive. None when a class is absent.
Figure youden_threshold(const Scores& chosen_on);

// Fills `called` of other units; without a threshold `called` stays empty and `uncalled` says why.
void apply_threshold(Scores& to, const Figure& threshold);

}  // namespace vitrine
