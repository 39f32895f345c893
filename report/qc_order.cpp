#include "report/qc_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace vitrine::report {
namespace {

constexpr double kPerMeanDistance = 1.2533;    // the same from the mean distance
constexpr double kPerMedianDistance = 1.4826;  // to a deviation, for a normal distribution
constexpr double kChanceShare = 0.02;          // of the median

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// The value as it is compared. A ratio to nothing cannot be.
std::optional<double> compared(const QcMeasure& m, const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return std::nullopt;
  if (!m.logarithmic) return value;
  if (*value <= 0) return std::nullopt;
  return std::log(*value);
}

std::optional<double> value_of(const QcPage& page, std::size_t subject, std::size_t measure) {
  const QcSubject& s = page.subjects[subject];
  if (!s.refused.empty() || measure >= s.values.size()) return std::nullopt;
  return compared(page.measures[measure], s.values[measure]);
}

std::optional<QcRange> range_of(const QcPage& page, std::size_t measure) {
  const QcMeasure& m = page.measures[measure];
  std::vector<double> values;
  for (std::size_t i = 0; i < page.subjects.size(); ++i) {
    if (const auto v = value_of(page, i, measure)) values.push_back(*v);
  }
  if (values.size() < kFewestForRange) return std::nullopt;
  const double middle = median(values);
  std::vector<double> distances;
  for (const double v : values) distances.push_back(std::abs(v - middle));
  const double chance = std::max({m.least, m.logarithmic ? kChanceShare : kChanceShare * std::abs(middle), 1e-12});
  // Where more than half are equal, their mean distance tells what is usual.
  double usual = kPerMedianDistance * median(distances);
  if (!(usual > 0)) {
    for (const double d : distances) usual += kPerMeanDistance * d / static_cast<double>(distances.size());
  }
  return QcRange{m.logarithmic ? std::exp(middle) : middle, std::max(usual, chance)};
}

// How far out of the range a value lies, on a side that counts.
double deviations(const QcMeasure& m, const QcRange& range, double value) {
  const double distance = (value - (m.logarithmic ? std::log(range.median) : range.median)) / range.deviation;
  switch (m.far) {
    case QcMeasure::Far::both: return std::abs(distance);
    case QcMeasure::Far::above: return std::max(0.0, distance);
    case QcMeasure::Far::below: return std::max(0.0, -distance);
    default: return 0;
  }
}

}  // namespace

QcOrder worst_first(const QcPage& page) {
  QcOrder order;
  for (std::size_t m = 0; m < page.measures.size(); ++m) order.ranges.push_back(range_of(page, m));
  order.far.resize(page.subjects.size());
  for (std::size_t i = 0; i < page.subjects.size(); ++i) {
    for (std::size_t m = 0; m < page.measures.size(); ++m) {
      const auto value = value_of(page, i, m);
      if (!value || !order.ranges[m]) continue;
      const double d = deviations(page.measures[m], *order.ranges[m], *value);
      if (d > kFarDeviations) order.far[i].push_back({m, d});
    }
    std::stable_sort(order.far[i].begin(), order.far[i].end(),
                     [](const QcFar& a, const QcFar& b) { return a.deviations > b.deviations; });
  }
  order.subjects.resize(page.subjects.size());
  std::iota(order.subjects.begin(), order.subjects.end(), std::size_t{0});
  const auto key = [&](std::size_t i) {
    const QcSubject& s = page.subjects[i];
    const double farthest = order.far[i].empty() ? 0 : order.far[i].front().deviations;
    return std::tuple(s.refused.empty(), -farthest, -s.warnings(), -static_cast<int>(s.notes.size()));
  };
  std::stable_sort(order.subjects.begin(), order.subjects.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  return order;
}

}  // namespace vitrine::report
