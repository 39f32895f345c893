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

#include "layers/blocks/conv_norm.h"
#include "layers/blocks/squeeze_excitation.h"

namespace vitrine {

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
