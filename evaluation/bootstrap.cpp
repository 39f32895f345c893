#include "evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

using Values = std::vector<std::optional<double>>;  // of the figures of a replicate

Values values_of(const std::vector<Figure>& figures) {
  Values values;
  for (const Figure& figure : figures) values.push_back(figure.value);
  return values;
}

Interval interval_of(const std::vector<Values>& replicates, std::size_t figure) {
  std::vector<double> values;
  for (const Values& replicate : replicates) {
    if (replicate[figure]) values.push_back(*replicate[figure]);
  }
  Interval interval;
  interval.left_out = static_cast<int>(replicates.size() - values.size());
  if (2 * values.size() < replicates.size()) {
    interval.why = text("the figure is undefined in ", interval.left_out, " of ", replicates.size(), " replicates");
    return interval;
  }
  std::sort(values.begin(), values.end());
  const double low = quantile(values, 0.025), high = quantile(values, 0.975);
  if (low == high) {
    interval.why = "the replicates agree, which says nothing of other subjects";
    return interval;
  }
  interval.low = low;
  interval.high = high;
  return interval;
}

}  // namespace

std::vector<std::size_t> bootstrap_replicate(const Clusters& clusters, std::uint64_t seed, int replicate) {
  const Draw draw{.seed = seed, .purpose = Purpose::bootstrap, .sample = static_cast<std::uint32_t>(replicate)};
  const auto count = static_cast<std::uint32_t>(clusters.size());
  std::vector<std::size_t> units;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::vector<std::size_t>& drawn = clusters[draw.below(i, count)];
    units.insert(units.end(), drawn.begin(), drawn.end());
  }
  return units;
}

double quantile(std::span<const double> ascending, double share) {
  if (ascending.empty()) throw InternalError("quantile: no value is given");
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}

void check(const BootstrapOptions& options) {
  if (options.replicates < kFewestReplicates || options.replicates > kMostReplicates)
    throw UsageError(text("--replicates is ", options.replicates, ", expected ", kFewestReplicates, " to ", kMostReplicates));
}

std::vector<Interval> bootstrap(const Clusters& clusters, const BootstrapOptions& options,
                                const std::function<std::vector<Figure>(std::span<const std::size_t> units)>& figures) {
  check(options);
  if (clusters.size() < 2) {
    Interval none;
    none.why = text("there ", clusters.empty() ? "is no subject" : "is one subject", ", two are needed");
    return std::vector<Interval>(figures({}).size(), none);
  }
  std::vector<Values> replicates(static_cast<std::size_t>(options.replicates));
  parallel_for(options.replicates, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      check_interrupt("the bootstrap");
      const std::vector<std::size_t> units = bootstrap_replicate(clusters, options.seed, static_cast<int>(r));
      replicates[static_cast<std::size_t>(r)] = values_of(figures(units));
    }
  });
  std::vector<Interval> intervals;
  for (std::size_t f = 0; f < replicates.front().size(); ++f) intervals.push_back(interval_of(replicates, f));
  return intervals;
}

}  // namespace vitrine
