// Convolutions and products with a bias and what stands behind it, as one graph of cuDNN 9 each.
//
// Forward    y = act(x * w + b);  y = x * w + b + skip
// Reference  layers/conv2d.h, layers/linear.h, layers/blocks/mbconv_folded.h
#pragma once

#include "layers/cudnn/description.h"
#include "layers/kernels/conv_shape.h"

namespace vitrine::cuda::cudnn {

enum class Ending { none, swish, sigmoid, residual };

// Tensors in memory: x, w, b (, skip), y.
Description biased_convolution(const ConvShape& s, bool depthwise, Ending ending);
enum class WeightOrder { by_input, by_output };  // w [C, K] or [K, C] in memory
Description biased_linear(std::int64_t rows, std::int64_t C, std::int64_t K, Ending ending,
                          WeightOrder order = WeightOrder::by_input);

}  // namespace vitrine::cuda::cudnn
