// What cuDNN's graphs take beside the tensors of an op: weights between Vitrine's [R, S, C, K] and cuDNN's [K, R, S, C], and a constant.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/packed.h"

namespace vitrine::cuda {

void to_cudnn_weights(const ConvShape& s, const float* w, float* cudnn);
void from_cudnn_weights(const ConvShape& s, const float* cudnn, float* w);
// Of packed weights [K, N]: [N, K] for a 1 x 1 convolution or a window's terms, else [K, N]; and their bias [N].
void unpack_for_cudnn(const kernels::Packed& packed, bool of_convolution, float* w, float* bias);
void fill_for_cudnn(float value, std::int64_t n, float* to);

}  // namespace vitrine::cuda
