// MBConv: the inverted bottleneck of MobileNetV2 with squeeze-excitation, the block that EfficientNet is made of.
//
// Forward    e = act(BN0(x * We))                1x1, C -> M = C * expand; left out when expand = 1 (then e = x)
//            d = act(BN1(depthwise(e, Wd)))      k x k, stride 1 or 2
//            q = squeeze_excitation(d)           left out in the lite variants
//            p = BN2(q * Wp)                     1x1, M -> K, no activation
//            y = x + drop_connect(p)             when stride = 1 and C = K; else y = p
// Backward   through the composition of its ops on the tape; in training e to Wp are one op, layers/blocks/mbconv_fused.h, and BN2 to y another,
//            layers/blocks/conv_norm_fused.h (Pass::fused)
// Shapes     x [N, H, W, C], y [N, P, Q, K]
// Saved      what its ops save
// Numerics   those of its ops
// Requires   x has C channels (checked by the first convolution: ShapeError, with the block's name appended by the network)
// Differs    from MobileNetV2: swish in place of ReLU6 (lite keeps ReLU6), squeeze-excitation after the depthwise convolution
// Reference  Sandler et al. 2018, arXiv:1801.04381, sec. 3; Tan, Le 2019, arXiv:1905.11946, table 1
#pragma once

#include <optional>

#include "layers/batch_norm.h"
#include "layers/blocks/squeeze_excitation.h"
#include "layers/kernels/activation.h"
#include "layers/kernels/window.h"
#include "layers/pass.h"

namespace vitrine {

// layers/kernels/window.h. same_static is SAME fixed for one input size and applied at any other, as efficientnet-pytorch does.
enum class PaddingRule { symmetric, same, same_static };
Padding convolution_padding(PaddingRule rule, std::int64_t static_size, std::int64_t height, std::int64_t width,
                            std::int64_t kernel, std::int64_t stride);

// A convolution without bias and the batch norm after it: the unit that all of EfficientNet is made of.
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

struct MBConv {
  std::optional<ConvNorm> expand;
  ConvNorm depthwise;
  std::optional<SqueezeExcitation> se;
  ConvNorm project;
  bool residual = false;
  double drop_connect = 0;  // probability that the residual branch of a sample is dropped
  std::uint32_t index = 0;  // of the block in the network: tells apart its random draws

  Variable forward(const Variable& x, const Pass& pass);
  Variable projection(const Variable& x, const Pass& pass);  // q * Wp
};

}  // namespace vitrine
