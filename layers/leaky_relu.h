// Leaky ReLU: negative values keep a hundredth of themselves.
//
// Forward    y_i  = x_i where x_i > 0, else 0.01 x_i; NaN for NaN
// Backward   dx_i = dy_i where x_i > 0, else 0.01 dy_i
//            from the derivative on either side; 0.01 is chosen at the kink
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   one rounding, and that of the constant 0.01: |error| <= 2 u (1 + u) |y| + 2^-150 for negative x, 0 else, u = 2^-24
// Requires   nothing
// Differs    from torch.nn.LeakyReLU: the slope of negative values is its default, 0.01, and cannot be chosen
// Reference  Maas, Hannun, Ng 2013, Rectifier nonlinearities improve neural network acoustic models, ICML, sec. 2
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable leaky_relu(const Variable& x) { return unary(Unary::leaky_relu, x); }

template <class M>
struct LeakyReluFunction {
  using F = typename M::F;
  static constexpr const char* kName = "leaky_relu";
  VITRINE_HD static F value(F u) { return gradient(u, u); }
  VITRINE_HD static F slope(F u) { return gradient(u, M::broadcast(1.0f)); }
  VITRINE_HD static F gradient(F u, F dy) { return M::select(u > M::broadcast(0.0f), dy, M::broadcast(0.01f) * dy); }
};

}  // namespace vitrine
