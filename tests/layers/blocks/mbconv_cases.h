// Blocks of every shape that the fused MBConv takes, with drawn weights.
#pragma once

#include <cmath>

#include "layers/blocks/mbconv.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {

struct MBConvSizes {
  std::int64_t N, H, W, in, ratio, out, kernel, stride;
  bool squeeze;
  Activation activation;
  PaddingRule padding;
};

inline ConvNorm unit(const Shape& weight, std::int64_t taps, const MBConvSizes& z, std::int64_t stride, bool activated,
                     std::uint32_t op) {
  ConvNorm u;
  u.weight.value = drawn(weight, 0, 1 / std::sqrt(static_cast<double>(taps)), op);
  u.norm = BatchNorm::identity(weight.back(), 1e-3, 0.1);
  u.norm.gamma.value = drawn({weight.back()}, 1, 0.2, op + 1);
  u.norm.beta.value = drawn({weight.back()}, 0, 0.3, op + 2);
  u.stride = stride;
  u.depthwise = weight.rank() == 3;
  u.padding = z.padding;
  if (activated) u.activation = z.activation;
  return u;
}

inline MBConv block_of(const MBConvSizes& z) {
  const std::int64_t middle = z.in * z.ratio;
  MBConv block;
  if (z.ratio > 1) block.expand = unit({1, 1, z.in, middle}, z.in, z, 1, true, 10);
  block.depthwise = unit({z.kernel, z.kernel, middle}, z.kernel * z.kernel, z, z.stride, true, 20);
  if (z.squeeze) {
    const std::int64_t R = z.in / 4;
    block.se = SqueezeExcitation{{drawn({middle, R}, 0, 0.1, 30)},
                                 {drawn({R}, 0, 0.1, 31)},
                                 {drawn({R, middle}, 0, 0.5, 32)},
                                 {drawn({middle}, 0, 0.5, 33)}};
  }
  block.project = unit({1, 1, middle, z.out}, middle, z, 1, false, 40);
  block.residual = z.stride == 1 && z.in == z.out;
  return block;
}

inline void move_to(MBConv& block, Device device) {
  const auto to = [device](Tensor& t) { t = t.to(device); };
  const auto move_unit = [&](ConvNorm& u) {
    for (Tensor* t : {&u.weight.value, &u.norm.gamma.value, &u.norm.beta.value, &u.norm.running_mean, &u.norm.running_var})
      to(*t);
  };
  if (block.expand) move_unit(*block.expand);
  move_unit(block.depthwise);
  move_unit(block.project);
  if (!block.se) return;
  for (Parameter* p : {&block.se->reduce_weight, &block.se->reduce_bias, &block.se->expand_weight, &block.se->expand_bias})
    to(p->value);
}

inline std::vector<MBConvSizes> mbconv_cases() {
  using enum Unary;
  constexpr PaddingRule kSymmetric = PaddingRule::symmetric, kSame = PaddingRule::same;
  return {{3, 9, 8, 8, 6, 16, 3, 1, true, swish, kSymmetric},    {2, 11, 9, 16, 6, 24, 3, 2, true, swish, kSymmetric},
          {5, 7, 7, 8, 6, 8, 5, 1, true, swish, kSymmetric},     {2, 10, 14, 24, 6, 40, 5, 2, false, relu6, kSame},
          {4, 16, 17, 24, 1, 16, 3, 1, true, swish, kSymmetric}, {4, 12, 12, 40, 1, 24, 3, 1, false, relu6, kSame},
          {3, 2, 2, 8, 6, 8, 5, 1, true, swish, kSymmetric},     {4, 1, 1, 8, 6, 16, 5, 2, true, swish, kSame},
          {40, 5, 4, 8, 6, 8, 3, 1, true, swish, kSymmetric},    {3, 9, 8, 8, 6, 16, 3, 1, true, gelu, kSymmetric},
          {2, 8, 9, 16, 6, 24, 5, 2, true, hard_swish, kSame},   {2, 7, 7, 8, 6, 8, 3, 1, false, tanh, kSymmetric},
          {2, 12, 18, 8, 6, 8, 3, 2, true, swish, kSame},        {2, 13, 19, 8, 6, 8, 5, 2, true, swish, kSymmetric},
          {3, 3, 5, 8, 6, 8, 5, 2, true, swish, kSame},          {3, 4, 1, 24, 1, 8, 3, 2, true, swish, kSymmetric},
          {5, 2, 2, 96, 6, 96, 5, 1, true, swish, kSymmetric},   {6, 112, 112, 16, 6, 24, 3, 2, true, swish, kSymmetric}};
}

}  // namespace vitrine::testing
