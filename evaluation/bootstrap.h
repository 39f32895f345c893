// Intervals by resampling subjects, the units that were sampled: slices of a subject come and go together.
//
//   replicate r   as many subjects as there are, drawn with replacement: the i-th is Draw{seed, Purpose::bootstrap, sample r}.below(i, subjects)
//                 in the order of their ids, each with all of its units
//   interval      the 2.5 % and 97.5 % quantiles of the figure over the replicates that have it, interpolated linearly (Hyndman, Fan 1996, type
//                 7); replicates without it (one class drawn alone) are left out and counted
//   no interval   with more than half of the replicates left out, with fewer than two subjects, and where both quantiles are one value: six
//                 subjects without an error would have the interval from 1 to 1
//
// Classes are not drawn apart: whoever samples subjects anew gets another share of classes too. The same seed and subjects give the same
// replicates for every figure, level and run, so that differences between runs are paired. Networks and thresholds stay as they are: an interval
// says nothing of what another training would give. With few subjects percentile intervals are too narrow.
// Reference  Efron 1979, doi 10.1214/aos/1176344552; clusters: Davison, Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluation/figure.h"

namespace vitrine {

struct BootstrapOptions {
  int replicates = 2000;  // kFewestReplicates to kMostReplicates
  std::uint64_t seed = 42;
};
inline constexpr int kFewSubjects = 20;  // below it percentile intervals are clearly too narrow
inline constexpr int kFewestReplicates = 100, kMostReplicates = 100000;

struct Interval {
  std::optional<double> low, high;
  int left_out = 0;  // replicates without the figure
  std::string why;   // there is no interval
};

using Clusters = std::vector<std::vector<std::size_t>>;  // the units of each subject

// The units of a replicate.
std::vector<std::size_t> bootstrap_replicate(const Clusters& clusters, std::uint64_t seed, int replicate);

// The quantile of ascending values, 0 <= share <= 1.
double quantile(std::span<const double> ascending, double share);

void check(const BootstrapOptions& options);  // UsageError when `replicates` is out of range

// An interval for each figure that `figures` gives of a set of units; it is called from several threads, and always gives as many.
// UsageError as check().
std::vector<Interval> bootstrap(const Clusters& clusters, const BootstrapOptions& options,
                                const std::function<std::vector<Figure>(std::span<const std::size_t> units)>& figures);

}  // namespace vitrine
