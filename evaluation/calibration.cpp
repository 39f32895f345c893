#include "evaluation/calibration.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/math.h"

namespace vitrine {
namespace {

constexpr double kSmallest = 0x1p-52;  // of a probability whose logarithm is taken

Figure mean_of(double sum, std::size_t count) {
  return count > 0 ? Figure::of(sum / static_cast<double>(count)) : Figure::none("there is no unit");
}

}  // namespace

Figure brier_score(const Scores& scores) {
  const auto classes = static_cast<std::size_t>(scores.classes);
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    // With two classes the two terms are one and the same; the positive class's stands for both.
    for (std::size_t c = classes == 2 ? 1 : 0; c < classes; ++c) {
      const double error = scores.probability[i * classes + c] - (scores.label[i] == static_cast<int>(c) ? 1 : 0);
      sum += error * error;
    }
  }
  return mean_of(sum, scores.size());
}

Figure log_loss(const Scores& scores) {
  const auto classes = static_cast<std::size_t>(scores.classes);
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double probability = scores.probability[i * classes + static_cast<std::size_t>(scores.label[i])];
    sum -= log_portable(std::max(probability, kSmallest));
  }
  return mean_of(sum, scores.size());
}

std::vector<CalibrationBin> calibration(const Scores& scores, int bins) {
  if (bins < 1) throw InternalError(text("calibration: ", bins, " bins, at least one is expected"));
  const double width = 1.0 / bins;  // edges are multiples of it, as numpy.linspace has them
  std::vector<CalibrationBin> all;
  for (int b = 0; b < bins; ++b) all.push_back({b * width, b + 1 == bins ? 1.0 : (b + 1) * width, 0, {}, {}});
  std::vector<double> predicted(all.size(), 0.0), observed(all.size(), 0.0);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double p = scores.score(i);
    std::size_t b = 0;
    while (b + 1 < all.size() && p > all[b].high) ++b;
    ++all[b].count;
    predicted[b] += p;
    observed[b] += scores.positive(i) ? 1 : 0;
  }
  for (std::size_t b = 0; b < all.size(); ++b) {
    if (all[b].count == 0) continue;
    all[b].predicted = predicted[b] / all[b].count;
    all[b].observed = observed[b] / all[b].count;
  }
  return all;
}

Figure calibration_error(const Scores& scores, int bins) {
  double sum = 0;
  for (const CalibrationBin& bin : calibration(scores, bins)) {
    if (bin.count > 0) sum += bin.count * std::abs(*bin.observed - *bin.predicted);
  }
  return mean_of(sum, scores.size());
}

}  // namespace vitrine
