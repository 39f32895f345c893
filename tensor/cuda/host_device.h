// Functions that are compiled for the host and for GPUs: the same source, so the host's tests hold for both. VITRINE_UNROLL stands before a
// loop over an array that is to stay in registers, VITRINE_UNROLL_4 before one whose reads are to be under way four at a time.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define VITRINE_HD __host__ __device__
#define VITRINE_UNROLL _Pragma("unroll")
#define VITRINE_UNROLL_4 _Pragma("unroll 4")
#else
#define VITRINE_HD
#define VITRINE_UNROLL _Pragma("GCC unroll 32")
#define VITRINE_UNROLL_4
#endif

namespace vitrine::cuda {

// A value that no thread of the running kernel writes. On a device it may be read before writes that stand earlier in the source, so the reads
// of a loop are under way together.
template <class T>
VITRINE_HD inline T constant(const T* at) {
#ifdef __CUDA_ARCH__
  return __ldg(at);
#else
  return *at;
#endif
}

// total = term(k, total) for k = first, first + step, ... below `end`, in this order, with the reads of 16 terms under way together.
template <class Term>
VITRINE_HD inline float sum_of_terms(std::int64_t first, std::int64_t end, std::int64_t step, Term term) {
  constexpr int kMany = 16, kSome = 4;
  float total = 0;
  std::int64_t k = first;
  for (; k + (kMany - 1) * step < end; k += kMany * step) {
    VITRINE_UNROLL
    for (int i = 0; i < kMany; ++i) total = term(k + i * step, total);
  }
  for (; k + (kSome - 1) * step < end; k += kSome * step) {
    VITRINE_UNROLL
    for (int i = 0; i < kSome; ++i) total = term(k + i * step, total);
  }
  for (; k < end; k += step) total = term(k, total);
  return total;
}

}  // namespace vitrine::cuda
