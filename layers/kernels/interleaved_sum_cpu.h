// A sum of a row's terms in float64 with a stated order that lanes can follow: sixteen sums, of the terms k = l mod 16 ascending, are
// joined with l ascending.
#pragma once

#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

// term(k, lanes): a vector of terms k, k + 1, ...; zeros beyond the first `lanes`.
template <class Term>
static inline double interleaved_sum(std::int64_t count, Term term) {
  constexpr int kSums = 16, kVectors = kSums / kLanes;
  D sums[kVectors] = {};
  for (std::int64_t first = 0; first < count; first += kSums) {
    for (int i = 0; i < kVectors; ++i) {
      const std::int64_t k = first + i * kLanes;
      if (k < count) sums[i] = sums[i] + term(k, lanes_of(count, k));
    }
  }
  double parts[kSums];
  for (int i = 0; i < kVectors; ++i) store_wide(parts + i * kLanes, sums[i]);
  double sum = parts[0];
  for (int l = 1; l < kSums; ++l) sum += parts[l];
  return sum;
}

}  // namespace vitrine::kernels::VITRINE_ISA
