#include "evaluation/score_counts.h"

#include <algorithm>
#include <numeric>

namespace vitrine {

std::vector<ScoreCounts> score_counts(std::span<const int> is_positive, std::span<const double> score) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  std::vector<ScoreCounts> counts;
  ScoreCounts now;
  for (std::size_t i = 0; i < order.size(); ++i) {
    now.threshold = score[order[i]];
    ++(is_positive[order[i]] == 1 ? now.hits : now.false_alarms);
    const bool tied_with_next = i + 1 < order.size() && score[order[i + 1]] == now.threshold;
    if (!tied_with_next) counts.push_back(now);
  }
  return counts;
}

}  // namespace vitrine
