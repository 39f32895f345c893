// ReLU: negative values become zero.
//
// Forward    y_i = max(x_i, 0); NaN for NaN
// Backward   dx_i = dy_i where x_i > 0, else 0
//            from the derivative on either side; 0 is chosen at the kink
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   exact, bound 0; after a norm (layers/blocks/) the slope is in doubt by 1 where the argument may lie on either side of the kink
// Requires   nothing
// Differs    from nothing: the same as torch.nn.ReLU, gradient 0 at 0 included
// Reference  Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines, ICML
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable relu(const Variable& x) { return unary(Unary::relu, x); }

template <class M>
struct ReluFunction {
  using F = typename M::F;
  static constexpr const char* kName = "relu";
  VITRINE_HD static F value(F u) { return M::max(M::broadcast(0.0f), u); }  // NaN for NaN
  VITRINE_HD static F slope(F u) { return gradient(u, M::broadcast(1.0f)); }
  VITRINE_HD static F gradient(F u, F dy) { return M::select(u > M::broadcast(0.0f), dy, M::broadcast(0.0f)); }
};

}  // namespace vitrine
