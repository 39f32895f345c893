#include "weights/statistics.h"

#include <algorithm>
#include <cmath>

namespace vitrine {

TensorStatistics statistics_of(const StoredTensor& tensor) {
  const std::vector<double> values = tensor.to_double();
  TensorStatistics s{.count = static_cast<std::int64_t>(values.size())};
  bool first = true;
  double sum = 0, squares = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) {
      ++s.non_finite;
      continue;
    }
    s.min = first ? v : std::min(s.min, v);
    s.max = first ? v : std::max(s.max, v);
    s.zeros += v == 0 ? 1 : 0;
    sum += v;
    first = false;
  }
  const std::int64_t finite = s.count - s.non_finite;
  if (finite == 0) return s;
  s.mean = sum / static_cast<double>(finite);
  for (const double v : values) squares += std::isfinite(v) ? (v - s.mean) * (v - s.mean) : 0;
  s.sd = std::sqrt(squares / static_cast<double>(finite));
  return s;
}

}  // namespace vitrine
