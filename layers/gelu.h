// GELU: x weighted by the share of a normal distribution below it.
//
// Forward    y_i  = x_i Phi(x_i)                     where Phi(x) = erfc(-x / sqrt 2) / 2
// Backward   dx_i = dy_i (Phi(x_i) + x_i phi(x_i))   where phi(x) = e^(-x^2 / 2) / sqrt(2 pi)
//            from Phi' = phi
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   exp and erfc are ours (tensor/elementary.h): y within 16 + 1.5 x^2 ulp of the true value (the rounding of x / sqrt 2 grows in the
//            tail), dx within 16 ulp of |dy|. Checked: 2 u |x| / sqrt 2 of the argument, 8 ulp of erfc, 2 ulp of exp, carried through with one
//            rounding for each operation, u = 2^-24 (layers/unary_bound.cpp)
// Requires   nothing
// Differs    from nothing: the same as torch.nn.GELU with approximate = 'none'
// Reference  Hendrycks, Gimpel 2016, arXiv:1606.08415, sec. 2
#pragma once

#include "layers/unary.h"
#include "tensor/elementary.h"

namespace vitrine {

inline Variable gelu(const Variable& x) { return unary(Unary::gelu, x); }

template <class M>
struct GeluFunction {
  using F = typename M::F;
  static constexpr const char* kName = "gelu";
  VITRINE_HD static F share(F u) { return M::broadcast(0.5f) * Elementary<M>::erfc(M::broadcast(-0.70710678f) * u); }
  VITRINE_HD static F value(F u) { return u * share(u); }
  VITRINE_HD static F slope(F u) {
    const F density = M::broadcast(0.39894228f) * Elementary<M>::exp(M::broadcast(-0.5f) * u * u);
    return M::fma(u, density, share(u));
  }
};

}  // namespace vitrine
