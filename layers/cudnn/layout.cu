#include "layers/cudnn/layout.h"

#include "tensor/cuda/launch.h"

namespace vitrine::cuda {

namespace {

template <class From, class To>
void to_cudnn(const ConvShape& s, const From* w, To* cudnn) {
  const std::int64_t terms = s.R * s.S * s.C, K = s.K;
  for_each("conv2d weights", terms * K,
           [=] VITRINE_HD(std::int64_t i) { keep(cudnn + i, value_at(w + i % terms * K + i / terms)); });
}

}  // namespace

void to_cudnn_weights(const ConvShape& s, const float* w, float* cudnn) { to_cudnn(s, w, cudnn); }
void to_cudnn_weights(const ConvShape& s, const float* w, BFloat16* cudnn) { to_cudnn(s, w, cudnn); }
void to_cudnn_weights(const ConvShape& s, const BFloat16* w, BFloat16* cudnn) { to_cudnn(s, w, cudnn); }

void from_cudnn_weights(const ConvShape& s, const float* cudnn, float* w) {
  const std::int64_t terms = s.R * s.S * s.C, K = s.K;
  for_each("conv2d weights", terms * K, [=] VITRINE_HD(std::int64_t i) { w[i % terms * K + i / terms] = cudnn[i]; });
}

void fill_for_cudnn(float value, std::int64_t n, float* to) {
  for_each("constant", n, [=] VITRINE_HD(std::int64_t i) { to[i] = value; });
}

}  // namespace vitrine::cuda
