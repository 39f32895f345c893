#include "imaging/steps/tissue_classes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/interrupt.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr int kMeansSteps = 40;
constexpr double kRareDensity = 1.0 / 3, kLeastRareShare = 1e-3, kInverseRootTwoPi = 0.3989422804014327;

// Weight, mean and deviation of the values of each class.
struct Sums {
  double weight = 0, first = 0, second = 0;
  void add(double w, double v) {
    weight += w;
    first += w * v;
    second += w * v * v;
  }
  double mean() const { return first / weight; }
  double deviation() const { return std::sqrt(std::max(0.0, second / weight - mean() * mean())); }
};

}  // namespace

TissueClasses TissueClasses::started(const std::vector<double>& values, const std::vector<double>& weights, int count,
                                     double least_deviation) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] != values[b] ? values[a] < values[b] : a < b; });
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> means;
  double passed = 0;
  for (const std::size_t i : order) {
    passed += weights[i];
    while (means.size() < static_cast<std::size_t>(count) &&
           passed >= (static_cast<double>(means.size()) + 0.5) / count * total)
      means.push_back(values[i]);
  }
  while (means.size() < static_cast<std::size_t>(count)) means.push_back(means.empty() ? 1 : means.back());
  std::vector<Sums> sums;
  for (int step = 0; step < kMeansSteps; ++step) {
    check_interrupt("preparation");
    sums.assign(means.size(), {});
    std::size_t k = 0;
    for (const std::size_t i : order) {
      while (k + 1 < means.size() && values[i] > (means[k] + means[k + 1]) / 2) ++k;
      sums[k].add(weights[i], values[i]);
    }
    for (k = 0; k < means.size(); ++k) {
      if (sums[k].weight > 0) means[k] = sums[k].mean();
    }
  }
  TissueClasses result;
  for (std::size_t k = 0; k < means.size(); ++k) {
    const double deviation = sums[k].weight > 0 ? sums[k].deviation() : 0;
    result.classes.push_back({means[k], std::max(least_deviation, deviation), sums[k].weight / total});
  }
  return result;
}

void TissueClasses::responsibilities(double value, std::vector<double>& out) const {
  out.resize(classes.size());
  double total = rare_share * kRareDensity;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const Class& c = classes[k];
    const double z = (value - c.mean) / c.deviation;
    out[k] = z * z > 80 ? 0 : c.share / c.deviation * kInverseRootTwoPi * exp_portable(-z * z / 2);
    total += out[k];
  }
  for (double& r : out) r /= total;
}

void TissueClasses::refine(const std::vector<double>& values, const std::vector<double>& weights, double least_deviation) {
  std::vector<Sums> sums(classes.size());
  std::vector<double> share;
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 65536 == 0) check_interrupt("preparation");
    responsibilities(values[i], share);
    total += weights[i];
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k].add(weights[i] * share[k], values[i]);
  }
  double all = 0;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    Class& c = classes[k];
    c.share = sums[k].weight / total;
    all += c.share;
    if (!(sums[k].weight > 1e-9 * total)) continue;  // nobody is left in it: it stays where it is
    c.mean = sums[k].mean();
    c.deviation = std::max(least_deviation, sums[k].deviation());
  }
  rare_share = std::max(kLeastRareShare, 1 - all);
}

TissueClasses::Evidence TissueClasses::evidence(double value) const {
  std::vector<double> share;
  responsibilities(value, share);
  Evidence e;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const Class& c = classes[k];
    if (!(c.mean > 0)) continue;
    const double precision = share[k] * (c.mean * c.mean) / (c.deviation * c.deviation);
    e.precision += precision;
    e.log_factor += precision * (value - c.mean) / c.mean;
  }
  if (e.precision > 0) e.log_factor /= e.precision;
  return e;
}

}  // namespace vitrine::imaging
