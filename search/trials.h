// The trials of a search: which value of each searched option each of them has.
#pragma once

#include <string>
#include <vector>

#include "search/space.h"

namespace vitrine {

struct Trial {
  int number = 0;                   // from 1
  std::vector<std::string> values;  // of the space's options, in their order
};

// Grid: every combination, the last option of the file changing fastest.
// Random: the values of trial i are draws of (space.seed, i, name of the option), so a longer search begins with the trials of a shorter one. A
// list gives each value equally often, a range of whole numbers each number, a range of real numbers four significant digits. A trial that is
// there already is drawn on: its place is part of the coordinates. UsageError when the ranges are too narrow for so many trials.
std::vector<Trial> plan_trials(const SearchSpace& space);

// `base` with the trial's values. UsageError naming the trial when they contradict each other.
RunOptions options_of(const SearchSpace& space, const Trial& trial, const RunOptions& base);

// "arch b1, lr 0.0003".
std::string trial_text(const SearchSpace& space, const Trial& trial);

}  // namespace vitrine
