#include "evaluation/threshold.h"

#include <algorithm>
#include <cstdint>

#include "evaluation/score_counts.h"

namespace vitrine {

Figure youden_threshold(const Scores& chosen_on) {
  const std::vector<int> is_positive = chosen_on.positives();
  const std::int64_t positives = std::count(is_positive.begin(), is_positive.end(), 1);
  const std::int64_t negatives = static_cast<std::int64_t>(is_positive.size()) - positives;
  if (positives == 0 || negatives == 0)
    return Figure::none("the units that the threshold is chosen on are not of both classes");
  double best = 0;
  std::int64_t best_j = -positives * negatives - 1;
  for (const ScoreCounts& at : score_counts(is_positive, chosen_on.scores())) {
    const std::int64_t j =
        at.hits * negatives - at.false_alarms * positives;  // J times both class sizes: exact, so equal ones are equal
    if (j <= best_j) continue;
    best_j = j;
    best = at.threshold;
  }
  return Figure::of(best);
}

void apply_threshold(Scores& to, const Figure& threshold) {
  to.called.clear();
  to.uncalled = threshold.why;
  if (!threshold.value) return;
  for (std::size_t i = 0; i < to.size(); ++i) to.called.push_back(to.score(i) >= *threshold.value ? 1 : 0);
}

}  // namespace vitrine
