// What fused_mbconv shows, as its shadows read it (layers/blocks/mbconv_fused.h).
#pragma once

#include <vector>

#include "layers/blocks/gate_bound.h"
#include "layers/kernels/conv_shape.h"
#include "layers/norm_bound.h"
#include "layers/unary_bound.h"

namespace vitrine {

struct SeenMBConv {
  ConvShape z;  // of the depthwise convolution: C = K = M
  std::int64_t in, out, M, images;
  Activation f;
  bool expands, gated;
  Values x, z1, z2, w_expand, w_depthwise, w_project, beta1, beta2;
  SeenNorm norm1, norm2;
  SeenGate gate;

  explicit SeenMBConv(const SeenOp& op);

  std::int64_t rows_in() const { return z.N * z.H * z.W; }
  std::int64_t rows_out() const { return z.N * z.P * z.Q; }
  std::int64_t pixels_out() const { return z.P * z.Q; }
  // The expanded tensors lie in planes.
  double first(std::int64_t row, std::int64_t m) const;
  double second(std::int64_t row, std::int64_t m) const;

  Bounded normalised1(std::int64_t row, std::int64_t m) const { return norm1.value(exactly(first(row, m)), m, beta1.exact(m)); }
  Bounded normalised2(std::int64_t row, std::int64_t m) const {
    return norm2.value(exactly(second(row, m)), m, beta2.exact(m));
  }
  // What the depthwise convolution reads, and what the projection does: act(BN1(z1)) or x, and s act(BN2(z2)).
  Bounded depthwise_input(std::int64_t row, std::int64_t m) const {
    return expands ? unary_value_bound(f, normalised1(row, m)) : x.exact(row * M + m);
  }
  Bounded activated(std::int64_t row, std::int64_t m) const { return unary_value_bound(f, normalised2(row, m)); }
  Bounded projected(std::int64_t row, std::int64_t m) const {
    const Bounded a = activated(row, m);
    return gated ? times(a, gate.gate.exact(row / pixels_out() * M + m)) : a;
  }
};

std::vector<Shadow> mbconv_backward_shadows(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients);

}  // namespace vitrine
