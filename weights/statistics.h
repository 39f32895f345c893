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

// Two passes in float64, in index order; the tensor itself is never held.
TensorStatistics statistics_of(const StoredTensor& tensor);

// The largest |a - b| of two tensors of one shape; equal NaNs count as equal, a NaN against a number as infinitely far.
double largest_difference(const StoredTensor& a, const StoredTensor& b);

}  // namespace vitrine
