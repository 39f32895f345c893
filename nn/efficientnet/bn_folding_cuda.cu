#include "nn/efficientnet/bn_folding_cuda.h"

#include <cmath>

#include "layers/kernels/packed.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

VITRINE_HD double scale_of(const NormToFold& norm, std::int64_t c) {
  return static_cast<double>(norm.gamma[c]) / std::sqrt(static_cast<double>(norm.variance[c]) + norm.eps);
}
VITRINE_HD float folded_weight(const NormToFold& norm, float w, std::int64_t c) {
  return norm.gamma == nullptr ? w : static_cast<float>(static_cast<double>(w) * scale_of(norm, c));
}
VITRINE_HD float folded_bias(const NormToFold& norm, std::int64_t c) {
  if (norm.gamma == nullptr) return norm.beta[c];
  return static_cast<float>(static_cast<double>(norm.beta[c]) - static_cast<double>(norm.mean[c]) * scale_of(norm, c));
}

}  // namespace

void fold_packed(const float* w, const NormToFold& norm, std::int64_t K, std::int64_t N, float* packed) {
  const kernels::Packed shape{packed, K, N};
  const NormToFold from = norm;
  for_rows("fold", K + 1, shape.padded(), [=] VITRINE_HD(std::int64_t k, std::int64_t n) {
    const std::int64_t panel = n / kernels::Packed::kPanel * kernels::Packed::kPanel;
    float* const to = packed + (k < K ? panel * K + k * shape.width(panel) + n - panel : K * shape.padded() + n);
    *to = n >= N ? 0.0f : k < K ? folded_weight(from, w[k * N + n], n) : folded_bias(from, n);
  });
}

void fold_taps(const float* w, const NormToFold& norm, std::int64_t taps, std::int64_t C, float* folded, float* bias) {
  const NormToFold from = norm;
  for_rows("fold", taps + 1, C, [=] VITRINE_HD(std::int64_t t, std::int64_t c) {
    if (t < taps) {
      folded[t * C + c] = folded_weight(from, w[t * C + c], c);
    } else {
      bias[c] = folded_bias(from, c);
    }
  });
}

void fold_by_output(const float* w, const NormToFold& norm, std::int64_t K, std::int64_t N, float* folded) {
  const NormToFold from = norm;
  for_rows("fold", N, K,
           [=] VITRINE_HD(std::int64_t n, std::int64_t k) { folded[n * K + k] = folded_weight(from, w[k * N + n], n); });
}

}  // namespace vitrine::cuda
