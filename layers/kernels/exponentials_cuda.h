// e^(z - max z) of a row and its sum, as layers/kernels/exponentials_cpu.h has it, by one thread of a device.
#pragma once

#include "layers/kernels/interleaved_sum_cuda.h"
#include "tensor/cuda/one_float.h"

namespace vitrine::cuda {

struct RowSum {
  float most;
  double sum;
};

VITRINE_HD inline RowSum exponentials(const float* z, std::int64_t C, float* e) {
  float most = z[0];
  for (std::int64_t c = 1; c < C; ++c) most = z[c] > most ? z[c] : most;
  return {most, interleaved_sum(C, [&](std::int64_t c) {
            e[c] = Elementary<OneFloat>::exp(z[c] - most);
            return static_cast<double>(e[c]);
          })};
}

}  // namespace vitrine::cuda
