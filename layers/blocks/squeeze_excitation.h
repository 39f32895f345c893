// Squeeze-excitation: channels weighted by a gate that sees the whole image.
//
// Forward    z = global_average_pool(x);  h = swish(z Wr + br);  s = sigmoid(h We + be);  y = scale_channels(x, s)
// Backward   through the composition: the tape adds the gradient that reaches x by scaling and the one that reaches it by z; in training
//            z to s are one op, layers/blocks/squeeze_excitation_fused.h (Pass::fused)
// Shapes     x, y [N, H, W, C];  Wr [C, R], br [R], We [R, C], be [C];  R = max(1, block input channels / 4)
// Saved      what its ops save: x twice shared, z, h before and after swish, s before and after sigmoid
// Numerics   those of its ops
// Requires   x has C channels (checked by linear: ShapeError)
// Differs    from the paper: swish in place of ReLU, and R follows from the block's input channels, not from C, as EfficientNet does
// Reference  Hu, Shen, Sun 2017, arXiv:1709.01507, eq. (2)-(4)
#pragma once

#include "layers/pass.h"

namespace vitrine {

struct SqueezeExcitation {
  Parameter reduce_weight, reduce_bias;  // [C, R], [R]
  Parameter expand_weight, expand_bias;  // [R, C], [C]

  Variable forward(const Variable& x, const Pass& pass) const;
  Variable gate(const Variable& z, const Pass& pass) const;  // s [N, C] from z [N, C]
};

}  // namespace vitrine
