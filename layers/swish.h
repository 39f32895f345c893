// Swish (SiLU): a smooth gate, y = x * sigmoid(x).
//
// Forward    y_i  = x_i * s_i              where s_i = 1 / (1 + exp(-x_i))
// Backward   dx_i = dy_i * s_i * (1 + x_i * (1 - s_i))
//            from d(x s)/dx = s + x s'  and  s' = s (1 - s)
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x (s is recomputed: one exp per element buys one tensor of memory)
// Numerics   sigmoid is ours (tensor/elementary.h): the forward is within 5 ulp of the true value above x = -17, within 9
//            below; the backward within 8 ulp of |dy| (near its zero at x = -1.278 only the absolute error is small). For
//            x < -88.72, s = 0 and y = -0. Checked: the 5 or 7 ulp of s carried through x s and s (1 + x (1 - s)) with one rounding for each
//            operation, u = 2^-24 (layers/unary_bound.cpp)
// Requires   nothing
// Differs    from nothing: the same as torch.nn.SiLU and tf.nn.swish with beta = 1
// Reference  Ramachandran, Zoph, Le 2017, arXiv:1710.05941; Elfwing, Uchibe, Doya 2017, arXiv:1702.03118
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable swish(const Variable& x) { return unary(Unary::swish, x); }

template <class M>
struct SwishFunction {
  using F = typename M::F;
  static constexpr const char* kName = "swish";
  VITRINE_HD static F value(F u) { return u * Elementary<M>::sigmoid(u); }
  VITRINE_HD static F slope(F u) {
    const F one = M::broadcast(1.0f), s = Elementary<M>::sigmoid(u);
    return s * M::fma(u, one - s, one);
  }
  VITRINE_HD static ValueAndSlope<F> value_and_slope(F u) {
    const F one = M::broadcast(1.0f), s = Elementary<M>::sigmoid(u);
    return {u * s, s * M::fma(u, one - s, one)};
  }
};

}  // namespace vitrine
