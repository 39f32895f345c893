// What cuDNN's graphs take beside the tensors of an op: weights between Vitrine's [R, S, C, K] and cuDNN's [K, R, S, C], and a constant.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "tensor/bfloat16.h"

namespace vitrine::cuda {

void to_cudnn_weights(const ConvShape& s, const float* w, float* cudnn);
void to_cudnn_weights(const ConvShape& s, const float* w, BFloat16* cudnn);
void to_cudnn_weights(const ConvShape& s, const BFloat16* w, BFloat16* cudnn);
void from_cudnn_weights(const ConvShape& s, const float* cudnn, float* w);
void fill_for_cudnn(float value, std::int64_t n, float* to);

}  // namespace vitrine::cuda
