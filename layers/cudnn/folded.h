// A folded network's layers as graphs of cuDNN 9: each with its bias and what stands behind it.
//
// Forward    y = act(x * w + b);  y = x * w + b + skip
// Reference  layers/blocks/mbconv_folded.h
#pragma once

#include "layers/cudnn/description.h"
#include "layers/kernels/conv_shape.h"

namespace vitrine::cuda::cudnn {

enum class Ending { none, swish, sigmoid, residual };

// Tensors in memory: x, w, b (, skip), y.
Description folded_convolution(const ConvShape& s, bool depthwise, Ending ending);
Description folded_linear(std::int64_t rows, std::int64_t C, std::int64_t K, Ending ending);

}  // namespace vitrine::cuda::cudnn
