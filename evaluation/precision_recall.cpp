#include "evaluation/precision_recall.h"

#include <algorithm>
#include <limits>

#include "evaluation/score_counts.h"

namespace vitrine {

PrCurve pr_curve(std::span<const int> is_positive, std::span<const double> score) {
  const auto positives = static_cast<double>(std::count(is_positive.begin(), is_positive.end(), 1));
  PrCurve curve{{0.0}, {1.0}, {std::numeric_limits<double>::infinity()}};
  for (const ScoreCounts& at : score_counts(is_positive, score)) {
    curve.recall.push_back(static_cast<double>(at.hits) / positives);
    curve.precision.push_back(static_cast<double>(at.hits) / static_cast<double>(at.hits + at.false_alarms));
    curve.threshold.push_back(at.threshold);
  }
  return curve;
}

Figure average_precision(std::span<const int> is_positive, std::span<const double> score) {
  const auto positives = std::count(is_positive.begin(), is_positive.end(), 1);
  if (is_positive.empty()) return Figure::none("there is no unit");
  if (positives == 0 || positives == static_cast<std::ptrdiff_t>(is_positive.size()))
    return Figure::none("only one class is present");
  const PrCurve curve = pr_curve(is_positive, score);
  double area = 0;
  for (std::size_t i = 1; i < curve.recall.size(); ++i) area += (curve.recall[i] - curve.recall[i - 1]) * curve.precision[i];
  return Figure::of(area);
}

}  // namespace vitrine
