// Hard swish: swish with a straight line in place of the sigmoid.
//
// Forward    y_i  = x_i min(max(x_i + 3, 0), 6) / 6; NaN for NaN
// Backward   dx_i = 0 where x_i <= -3, dy_i where x_i >= 3, else dy_i (2 x_i + 3) / 6
//            from the derivative on either side; 0 and 1 are chosen at the kinks
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   three roundings: u |x + 3| before the cut, u |product|, u |y|, each with 2^-150 (the sum without), carried on: |error| <= gamma_3 |y| + 2^-149,
//            gamma_t = t u / (1 - t u), u = 2^-24; dx: gamma_3 |dx| between -3 and 3, u |dx| beyond
// Requires   nothing
// Differs    from torch.nn.Hardswish in the gradient at the kinks: there 1.5 at x = 3 and -0.5 at x = -3, the other sides'
// Reference  Howard et al. 2019, arXiv:1905.02244, sec. 5.2
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable hard_swish(const Variable& x) { return unary(Unary::hard_swish, x); }

template <class M>
struct HardSwishFunction {
  using F = typename M::F;
  static constexpr const char* kName = "hard_swish";
  VITRINE_HD static F value(F u) {
    const F line = M::min(M::broadcast(6.0f), M::max(M::broadcast(0.0f), u + M::broadcast(3.0f)));
    return u * line / M::broadcast(6.0f);
  }
  VITRINE_HD static F slope(F u) {
    const F three = M::broadcast(3.0f), between = M::fma(M::broadcast(2.0f), u, three) / M::broadcast(6.0f);
    return M::select(u >= three, M::broadcast(1.0f), M::select(u <= -three, M::broadcast(0.0f), between));
  }
};

}  // namespace vitrine
