#include "imaging/steps/tissue_classes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/interrupt.h"
#include "imaging/prep_kernels.h"

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

// shares[k][i]: the part of value i that belongs to class k.
std::vector<std::vector<double>> TissueClasses::responsibilities(const std::vector<double>& values) const {
  check_interrupt("preparation");
  const kernels::PrepKernels& kernel = kernels::prep_kernels();
  std::vector<std::vector<double>> shares(classes.size(), std::vector<double>(values.size()));
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const Class& c = classes[k];
    kernel.normal_densities(values.data(), static_cast<std::int64_t>(values.size()),
                            {c.mean, c.deviation, c.share / c.deviation * kInverseRootTwoPi}, shares[k].data());
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    double total = rare_share * kRareDensity;
    for (const std::vector<double>& share : shares) total += share[i];
    for (std::vector<double>& share : shares) share[i] /= total;
  }
  return shares;
}

void TissueClasses::refine(const std::vector<double>& values, const std::vector<double>& weights, double least_deviation) {
  std::vector<Sums> sums(classes.size());
  const std::vector<std::vector<double>> shares = responsibilities(values);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t k = 0; k < sums.size(); ++k) {
    for (std::size_t i = 0; i < values.size(); ++i) sums[k].add(weights[i] * shares[k][i], values[i]);
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

std::vector<TissueClasses::Evidence> TissueClasses::evidence(const std::vector<double>& values) const {
  const std::vector<std::vector<double>> shares = responsibilities(values);
  std::vector<Evidence> all(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    Evidence& e = all[i];
    for (std::size_t k = 0; k < classes.size(); ++k) {
      const Class& c = classes[k];
      if (!(c.mean > 0)) continue;
      const double precision = shares[k][i] * (c.mean * c.mean) / (c.deviation * c.deviation);
      e.precision += precision;
      e.log_factor += precision * (values[i] - c.mean) / c.mean;
    }
    if (e.precision > 0) e.log_factor /= e.precision;
  }
  return all;
}

}  // namespace vitrine::imaging
