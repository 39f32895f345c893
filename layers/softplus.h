// Softplus: a smooth ReLU, always above zero.
//
// Forward    y_i  = max(x_i, 0) + log(1 + e^-|x_i|)   (= log(1 + e^x_i), without overflow)
// Backward   dx_i = dy_i s_i                          where s_i = 1 / (1 + e^-x_i)
//            from d log(1 + e^x) / dx = e^x / (1 + e^x)
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   exp and sigmoid are ours (tensor/elementary.h). log(1 + e) = 2 artanh(e / (2 + e)), a series in z = (e / (2 + e))^2 <= 1/9: y within
//            4 ulp of the true value in either tail, dx within 5 ulp (7 below -17) of the slope and one
//            rounding. For x < -104, y = 0. An ulp is at most 2^-23 |y| + 2^-149
// Requires   nothing
// Differs    from torch.nn.Softplus: beta is 1, and there is no threshold above which y = x (y rounds to x by itself from x = 17)
// Reference  Dugas et al. 2000, Incorporating second-order functional knowledge for better option pricing, eq. 6
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable softplus(const Variable& x) { return unary(Unary::softplus, x); }

template <class M>
struct SoftplusFunction {
  using F = typename M::F;
  static constexpr const char* kName = "softplus";
  VITRINE_HD static F value(F u) {
    const F e = Elementary<M>::exp(M::negative(u)), s = (e + e) / (M::broadcast(2.0f) + e), z = M::broadcast(0.25f) * s * s;
    F p = M::broadcast(1.0f / 15);
    for (int k = 13; k > 0; k -= 2) p = M::fma(p, z, M::broadcast(1.0f / static_cast<float>(k)));
    return M::fma(s, p, M::max(M::broadcast(0.0f), u));
  }
  VITRINE_HD static F slope(F u) { return Elementary<M>::sigmoid(u); }
};

}  // namespace vitrine
