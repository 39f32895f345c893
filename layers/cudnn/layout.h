// Weights between Vitrine's [R, S, C, K] and cuDNN's [K, R, S, C].
#pragma once

#include "layers/kernels/conv_shape.h"

namespace vitrine::cuda {

void to_cudnn_weights(const ConvShape& s, const float* w, float* cudnn);
void from_cudnn_weights(const ConvShape& s, const float* cudnn, float* w);

}  // namespace vitrine::cuda
