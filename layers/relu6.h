// ReLU6: values cut to 0..6, the activation of the lite networks.
//
// Forward    y_i = min(max(x_i, 0), 6); NaN for NaN
// Backward   dx_i = dy_i where 0 < x_i < 6, else 0
//            from the derivative on either side; 0 is chosen at both kinks
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   exact, bound 0; after a norm (layers/blocks/) the slope is in doubt by 1 where the argument may lie on either side of a kink
// Requires   nothing
// Differs    from nothing: the same as torch.nn.ReLU6, gradient 0 at 0 and 6 included
// Reference  Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10; Howard et al. 2017, arXiv:1704.04861
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable relu6(const Variable& x) { return unary(Unary::relu6, x); }

template <class M>
struct Relu6Function {
  using F = typename M::F;
  static constexpr const char* kName = "relu6";
  // max and min give their second operand where one of the two is NaN.
  VITRINE_HD static F value(F u) { return M::min(M::broadcast(6.0f), M::max(M::broadcast(0.0f), u)); }
  VITRINE_HD static F slope(F u) { return gradient(u, M::broadcast(1.0f)); }
  VITRINE_HD static F gradient(F u, F dy) {
    const F zero = M::broadcast(0.0f);
    return M::select((u > zero) & (u < M::broadcast(6.0f)), dy, zero);
  }
};

}  // namespace vitrine
