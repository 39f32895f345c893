#include "data/resize_taps.h"

#include <algorithm>
#include <cmath>

namespace vitrine {
namespace {

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

std::int32_t fixed_point(double weight) {
  return static_cast<std::int32_t>(weight * (1 << kWeightBits) + (weight < 0 ? -0.5 : 0.5));
}

}  // namespace

Taps taps_of(const Axis& axis, Filter filter) {
  const double scale = static_cast<double>(axis.in) / static_cast<double>(axis.out);
  const double widened = std::max(scale, 1.0), narrowing = 1.0 / widened;
  const double support = (filter == Filter::bicubic ? 2.0 : 1.0) * widened;
  Taps taps;
  taps.begin = axis.in;
  std::vector<double> weights;
  for (std::int64_t i = axis.from; i < axis.from + axis.count; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const std::int64_t last = std::min(axis.in, static_cast<std::int64_t>(centre + support + 0.5));
    weights.clear();
    double sum = 0;
    for (std::int64_t j = first; j < last; ++j) {
      const double x = (static_cast<double>(j) - centre + 0.5) * narrowing;
      weights.push_back(filter == Filter::bicubic ? cubic(x) : triangle(x));
      sum += weights.back();
    }
    if (axis.flipped) std::reverse(weights.begin(), weights.end());
    const std::int64_t stored = axis.flipped ? axis.in - last : first;
    taps.outputs.push_back({stored, last - first, static_cast<std::int64_t>(taps.weight.size())});
    for (const double w : weights) taps.weight.push_back(fixed_point(w / sum));
    taps.weight.resize((taps.weight.size() + kTapsPadding - 1) / kTapsPadding * kTapsPadding);
    taps.begin = std::min(taps.begin, stored);
    taps.end = std::max(taps.end, stored + last - first);
  }
  return taps;
}

}  // namespace vitrine
