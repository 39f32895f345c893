#include "layers/cudnn/layout.h"

#include "tensor/cuda/launch.h"

namespace vitrine::cuda {

void to_cudnn_weights(const ConvShape& s, const float* w, float* cudnn) {
  const std::int64_t terms = s.R * s.S * s.C, K = s.K;
  for_each("conv2d weights", terms * K, [=] VITRINE_HD(std::int64_t i) { cudnn[i] = w[i % terms * K + i / terms]; });
}

void from_cudnn_weights(const ConvShape& s, const float* cudnn, float* w) {
  const std::int64_t terms = s.R * s.S * s.C, K = s.K;
  for_each("conv2d weights", terms * K, [=] VITRINE_HD(std::int64_t i) { w[i % terms * K + i / terms] = cudnn[i]; });
}

void fill_for_cudnn(float value, std::int64_t n, float* to) {
  for_each("constant", n, [=] VITRINE_HD(std::int64_t i) { to[i] = value; });
}

}  // namespace vitrine::cuda
