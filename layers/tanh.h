// Tanh: the hyperbolic tangent, values brought into -1 to 1.
//
// Forward    y_i  = tanh(x_i)
// Backward   dx_i = dy_i (1 - y_i^2) = dy_i 4 e / (1 + e)^2, e = exp(-2 |x_i|), which loses nothing where y is close to 1
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   tanh is ours (tensor/elementary.h): y within 2 ulp of the true value, dx within 8 ulp. Checked: 2 ulp, and for
//            dx the 2 ulp of e carried through 4 e / ((1 + e) (1 + e)) with one rounding for each operation (layers/unary_bound.cpp)
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
    const F twice = M::negative(u) + M::negative(u), e = Elementary<M>::exp_within_range(M::max(M::broadcast(-110.0f), twice));
    const F sum = M::broadcast(1.0f) + e;
    return M::broadcast(4.0f) * e / (sum * sum);
  }
};

}  // namespace vitrine
