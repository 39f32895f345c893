// The trainings that are set beside a run: other seeds, controls, and every choice that the paper does not state, one at a time.
#pragma once

#include <string>
#include <vector>

#include "train/options.h"

namespace vitrine {

struct ControlRow {
  std::string group;  // "seeds", "controls", "choices"
  std::string name;   // of its folder: "schedule-flat"
  std::string what;   // "schedule flat instead of one-cycle-v2"
  TrainOptions options;
};

// In the order of the table. seeds: seed + 1 to seed + count - 1; controls: `count` permutations of the labels (at seed, seed + 1, ...),
// background, swapped channels where there are several; choices: head, schedule, oversampling, weights where there are some, mixup, drop
// connect, choice of the epoch, each other value than the run's.
std::vector<ControlRow> control_rows(const TrainOptions& run, int count);

}  // namespace vitrine
