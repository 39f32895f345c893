#include "bench/peak.h"

#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

std::int64_t multiply_adds(std::int64_t rounds) {
  constexpr int kChains = 12;  // more than latency times throughput of any machine so far, fewer than its registers
  F sum[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) sum[i] = broadcast(1.0f + static_cast<float>(i));
  const F a = broadcast(0.999999f), b = broadcast(1e-6f);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sum[i] = fma(sum[i], a, b);
  }
  F total = zero();
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) total = total + sum[i];
  volatile float kept = total[0];  // so that the work is done
  (void)kept;
  return rounds * kChains * kLanes;
}

void stream_over(const float* from, std::int64_t n, std::int64_t rounds, float* to) {
  const F one = broadcast(1.0f);  // a copy would become a call of memcpy, which is not how kernels move their values
  for (std::int64_t r = 0; r < rounds; ++r) {
    for (std::int64_t i = 0; i < n; i += 4 * kLanes) {
#pragma GCC unroll 4
      for (std::int64_t v = 0; v < 4 * kLanes; v += kLanes) store(to + i + v, load(from + i + v) + one);
    }
  }
}

}  // namespace

extern const PeakKernels peak_table;
const PeakKernels peak_table = {multiply_adds, stream_over};

}  // namespace vitrine::kernels::VITRINE_ISA
