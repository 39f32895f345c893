// How many units lie at or above each score: what ROC, precision-recall and thresholds are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vitrine {

struct ScoreCounts {
  double threshold = 0;           // a score that occurs
  std::int64_t hits = 0;          // positive units at or above it
  std::int64_t false_alarms = 0;  // negative ones
};

// Descending over every score that occurs, equal scores once.
std::vector<ScoreCounts> score_counts(std::span<const int> is_positive, std::span<const double> score);

}  // namespace vitrine
