// The sum of layers/kernels/interleaved_sum_cpu.h by one thread of a device.
#pragma once

#include <cstdint>

#include "tensor/cuda/host_device.h"

namespace vitrine::cuda {

// term(k) for 0 <= k < count.
template <class Term>
VITRINE_HD double interleaved_sum(std::int64_t count, Term term) {
  constexpr int kSums = 16;
  double sums[kSums] = {};
  for (std::int64_t first = 0; first < count; first += kSums) {
    VITRINE_UNROLL
    for (int l = 0; l < kSums; ++l) {
      if (first + l < count) sums[l] += term(first + l);
    }
  }
  double sum = sums[0];
  VITRINE_UNROLL
  for (int l = 1; l < kSums; ++l) sum += sums[l];
  return sum;
}

}  // namespace vitrine::cuda
