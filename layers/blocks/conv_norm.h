// A convolution, the batch norm after it, and perhaps an activation: the unit that all of EfficientNet is made of.
#pragma once

#include <optional>

#include "layers/batch_norm.h"
#include "layers/kernels/window.h"
#include "layers/pass.h"
#include "layers/unary.h"

namespace vitrine {

// layers/kernels/window.h. same_static is SAME fixed for one input size and applied at any other, as efficientnet-pytorch does.
enum class PaddingRule { symmetric, same, same_static };
Padding convolution_padding(PaddingRule rule, std::int64_t static_size, std::int64_t height, std::int64_t width,
                            std::int64_t kernel, std::int64_t stride);

// Without bias: the norm has one.
struct ConvNorm {
  Parameter weight;  // [R, S, C, K], depthwise [R, S, C]
  BatchNorm norm;
  std::int64_t stride = 1;
  bool depthwise = false;
  PaddingRule padding = PaddingRule::symmetric;
  std::int64_t static_size = 0;  // same_static: rows and columns of the input that the padding is fixed for
  std::optional<Activation> activation;

  Padding padding_for(std::int64_t height, std::int64_t width) const;  // of an input of this size
  Variable convolve(const Variable& x, const Pass& pass) const;        // without the norm
  Variable forward(const Variable& x, const Pass& pass);
};

// The op that an activation names; x itself where there is none.
Variable activate(const Variable& x, const std::optional<Activation>& activation);

}  // namespace vitrine
