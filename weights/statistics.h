// What the values of a stored tensor look like.
#pragma once

#include <cstdint>

#include "weights/tensor_file.h"

namespace vitrine {

struct TensorStatistics {
  std::int64_t count = 0;
  std::int64_t non_finite = 0;  // NaN and infinities: left out of everything below
  std::int64_t zeros = 0;
  double min = 0, max = 0, mean = 0, sd = 0;  // 0 without finite values; sd divides by the count
};

// Two passes in float64, in index order.
TensorStatistics statistics_of(const StoredTensor& tensor);

}  // namespace vitrine
