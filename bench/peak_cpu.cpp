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

}  // namespace

extern const PeakKernels peak_table;
const PeakKernels peak_table = {multiply_adds};

}  // namespace vitrine::kernels::VITRINE_ISA
