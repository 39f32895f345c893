// Tanh: the hyperbolic tangent, values brought into -1 to 1.
//
// Forward    y_i  = tanh(x_i)
// Backward   dx_i = dy_i (1 - y_i^2)
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x (y is recomputed)
// Numerics   tanh is ours (tensor/elementary.h): y within 2 ulp of the true value, dx within 8 ulp of |dy|
// Requires   nothing
// Differs    from nothing: the same as torch.tanh
// Reference  LeCun, Bottou, Orr, Muller 1998, Efficient backprop, sec. 4.4
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable tanh(const Variable& x) { return unary(Unary::tanh, x); }

template <class M>
struct TanhFunction {
  using F = typename M::F;
  static constexpr const char* kName = "tanh";
  VITRINE_HD static F value(F u) { return Elementary<M>::tanh(u); }
  VITRINE_HD static F slope(F u) {
    const F y = value(u);
    return M::fma(-y, y, M::broadcast(1.0f));
  }
};

}  // namespace vitrine
