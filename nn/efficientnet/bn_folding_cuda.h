// Batch norm folded into weights on a CUDA device: the arithmetic of nn/efficientnet/bn_folding.h, the layout of layers/kernels/packed.h.
#pragma once

#include <cstdint>

namespace vitrine::cuda {

// Arrays of a batch norm. Without one, gamma null: weights as they are, `beta` the bias.
struct NormToFold {
  const float *gamma, *beta, *mean, *variance;
  double eps;
};

// packed: panels and bias of w [K, N], layers/kernels/packed.h.
void fold_packed(const float* w, const NormToFold& norm, std::int64_t K, std::int64_t N, float* packed);
// folded [taps, C] and bias [C] of w [taps, C].
void fold_taps(const float* w, const NormToFold& norm, std::int64_t taps, std::int64_t C, float* folded, float* bias);

// The same weights by outputs: [N, K] of w [K, N].
void fold_by_output(const float* w, const NormToFold& norm, std::int64_t K, std::int64_t N, float* folded);

}  // namespace vitrine::cuda
