// Which subjects of a cohort are to be looked at first.
//
// Range      of each figure over the subjects that have it, six or more: median and robust deviation, 1.4826 times the median distance from it, or 1.2533 times the mean distance where that is 0
//            (Rousseeuw, Croux 1993, doi 10.1080/01621459.1993.10476408), at least what is chance for the figure and 2 % of the median
// Far        a figure that lies more than 3.5 deviations from the median (Iglewicz, Hoaglin 1993, How to detect and handle outliers), on a side
//            that counts
// Order      refused; then by the figure that is farthest out of range; then, those with all figures in range, by warnings and by notes; then as
//            in the cohort
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "report/qc.h"

namespace vitrine::report {

inline constexpr std::size_t kFewestForRange = 6;
inline constexpr double kFarDeviations = 3.5;

struct QcRange {
  double median = 0;
  double deviation = 0;  // of the logarithm, if that is compared
};

struct QcFar {
  std::size_t measure = 0;
  double deviations = 0;
};

struct QcOrder {
  std::vector<std::optional<QcRange>> ranges;  // of each measure; none for too few values
  std::vector<std::vector<QcFar>> far;         // of each subject: the figures out of range, the farthest first
  std::vector<std::size_t> subjects;           // the worst first
};

QcOrder worst_first(const QcPage& page);

}  // namespace vitrine::report
