// e^(z - max z) of a row and its sum: what softmax and its logarithm share.
#pragma once

#include "layers/kernels/interleaved_sum_cpu.h"
#include "tensor/simd_math.h"

namespace vitrine::kernels::VITRINE_ISA {

struct RowSum {
  float most;  // the largest of the row; where one of the row is NaN, any of it: `sum` is NaN then
  double sum;
};

static inline float largest(const float* z, std::int64_t C) {
  F most = broadcast(z[0]);
  std::int64_t c = 0;
  for (; c + kLanes <= C; c += kLanes) most = max(load(z + c), most);
  float lanes[kLanes];
  store(lanes, most);
  float result = lanes[0];
  for (int i = 1; i < kLanes; ++i) result = lanes[i] > result ? lanes[i] : result;
  for (; c < C; ++c) result = z[c] > result ? z[c] : result;
  return result;
}

// Writes e [C].
static inline RowSum exponentials(const float* z, std::int64_t C, float* e) {
  const float most = largest(z, C);
  const F shift = broadcast(most);
  return {most, interleaved_sum(C, [&](std::int64_t c, int lanes) {
            store_partial(e + c, exp(load_partial(z + c, lanes) - shift), lanes);
            return widen(load_partial(e + c, lanes));
          })};
}

// Rows that are worth waking a thread for.
static inline std::int64_t rows_for_a_thread(std::int64_t C) { return 1 + 4096 / C; }

}  // namespace vitrine::kernels::VITRINE_ISA
