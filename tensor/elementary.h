// exp, sigmoid, tanh and erf of float32: ours, from fma and exact operations only, written once for every vector and for one float on a device.
//
// M is an arithmetic: Lanes (tensor/simd_math.h, one for each instruction set) or cuda::OneFloat (tensor/cuda/one_float.h). All give the same
// bits. Error bounds are tested over every float or a dense grid of them (tests/tensor/elementary_test.cpp).
//
// exp      2^n e^r with n = round(x / ln 2) and r = x - n ln 2 in two fma steps, |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7,
//          Horner order. 2^n is applied in two exact factors, so results below the smallest normal number are rounded once
// sigmoid  1 / (1 + e^-x) on either side of 0, e^-x in one fma step of reduction and by the minimax polynomial of degree 5 (relative error
//          1.5 2^-24, Lawson's iteration on the interval): half the instructions of 1 / (1 + exp(-x)), and no branch
// tanh     below 0.625 x + x^3 P(x^2), above 1 - 2 / (e^2x + 1)
// erfc     t e^(P(t) - x^2), t = 1 / (1 + x / 2), with x^2 taken exactly; for x < 0 2 - erfc(-x)
// erf      below 1 x P(x^2), above 1 - erfc(x)
// Sources  tanh, erf: polynomials of Moshier's Cephes (tanhf.c, ndtrf.c); erfc: Press et al., Numerical Recipes, section 6.2
#pragma once

#include "tensor/cuda/host_device.h"

namespace vitrine {

template <class M>
struct Elementary {
  using F = typename M::F;

  // e^x for -110 <= x <= 100; NaN stays NaN.
  VITRINE_HD static F exp_within_range(F x) {
    const F magic = M::broadcast(0x1.8p23f);  // adding it rounds to an integer, held in the low bits
    const F shifted = M::fma(x, M::broadcast(0x1.715476p+0f), magic);
    const F n = shifted - magic;
    F r = M::fma(n, M::broadcast(-0x1.62e4p-1f), x);   // ln 2 to 15 bits: n times it is exact
    r = M::fma(n, M::broadcast(-0x1.7f7d1cp-20f), r);  // the rest of ln 2
    F p = M::broadcast(0x1.a01a02p-13f);               // 1/7!
    p = M::fma(p, r, M::broadcast(0x1.6c16c2p-10f));   // 1/6!
    p = M::fma(p, r, M::broadcast(0x1.111112p-7f));    // 1/5!
    p = M::fma(p, r, M::broadcast(0x1.555556p-5f));    // 1/4!
    p = M::fma(p, r, M::broadcast(0x1.555556p-3f));    // 1/3!
    p = M::fma(p, r, M::broadcast(0.5f));
    p = M::fma(p, r, M::broadcast(1.0f));
    p = M::fma(p, r, M::broadcast(1.0f));
    return M::times_power_of_two(p, shifted, n);
  }

  // e^x: 0 below -104, +inf above 88.73; NaN stays NaN. At most 2 ulp.
  VITRINE_HD static F exp(F x) {
    // max and min give their second argument when it is NaN.
    return exp_within_range(M::min(M::broadcast(100.0f), M::max(M::broadcast(-110.0f), x)));
  }

  // e^-x for -88.7 < x < 87; the same as at 87 above it and +inf below -128 ln 2 = -88.72, so that 1 + e^-x is right everywhere.
  VITRINE_HD static F exp_of_negative(F x) {
    const F ln2 = M::broadcast(0x1.62e43p-1f), least = M::broadcast(-128 * 0x1.62e43p-1f);
    const F t = M::min(M::broadcast(87.0f), M::max(least, x));  // a NaN goes through
    const F shifted = M::fma(t, M::broadcast(-0x1.715476p+0f), M::broadcast(0x1.8p23f));
    const F r = M::fma(shifted - M::broadcast(0x1.8p23f), ln2, t);  // -r of exp_within_range; 0 at `least`, where e^-r is 1
    F p = M::broadcast(-0x1.0fa7d8p-7f);
    p = M::fma(p, r, M::broadcast(0x1.573adp-5f));
    p = M::fma(p, r, M::broadcast(-0x1.555a6ep-3f));
    p = M::fma(p, r, M::broadcast(0x1.fffdc4p-2f));
    p = M::fma(p, r, M::broadcast(-0x1.fffff6p-1f));
    p = M::fma(p, r, M::broadcast(1.0f));
    return M::add_to_exponent(p, shifted);
  }

  // 1 / (1 + e^-x): at most 5 ulp above -17, at most 7 below; 0 below -88.72.
  VITRINE_HD static F sigmoid(F x) {
    const F one = M::broadcast(1.0f);
    return one / (one + exp_of_negative(x));
  }

  // At most 2 ulp.
  VITRINE_HD static F tanh(F x) {
    const F z = x * x, a = -M::negative(x);  // |x|
    F p = M::broadcast(-5.70498872745e-3f);
    p = M::fma(p, z, M::broadcast(2.06390887954e-2f));
    p = M::fma(p, z, M::broadcast(-5.37397155531e-2f));
    p = M::fma(p, z, M::broadcast(1.33314422036e-1f));
    p = M::fma(p, z, M::broadcast(-3.33332819422e-1f));
    const F near = M::fma(p * z, a, a);
    const F e = exp_within_range(M::min(M::broadcast(40.0f), a + a));
    const F far = M::broadcast(1.0f) - M::broadcast(2.0f) / (e + M::broadcast(1.0f));
    const F y = M::select(a < M::broadcast(0.625f), near, far);
    return M::where_negative(x, -y, y);  // -0 for -0
  }

  // At most 8 ulp, where it is a normal number; 0 above 10.06.
  VITRINE_HD static F erfc(F x) {
    const F a = M::min(M::broadcast(11.0f), -M::negative(x)), one = M::broadcast(1.0f);
    const F t = one / M::fma(M::broadcast(0.5f), a, one);
    F p = M::broadcast(0.17087277f);
    p = M::fma(p, t, M::broadcast(-0.82215223f));
    p = M::fma(p, t, M::broadcast(1.48851587f));
    p = M::fma(p, t, M::broadcast(-1.13520398f));
    p = M::fma(p, t, M::broadcast(0.27886807f));
    p = M::fma(p, t, M::broadcast(-0.18628806f));
    p = M::fma(p, t, M::broadcast(0.09678418f));
    p = M::fma(p, t, M::broadcast(0.37409196f));
    p = M::fma(p, t, M::broadcast(1.00002368f));
    p = M::fma(p, t, M::broadcast(-1.26551223f));
    const F square = a * a, rest = M::fma(a, a, -square);  // a^2 = square + rest
    const F tail = exp_within_range(M::max(M::broadcast(-110.0f), -square)) * (t * exp_within_range(p - rest));
    return M::where_negative(x, M::broadcast(2.0f) - tail, tail);
  }

  // At most 4 ulp.
  VITRINE_HD static F erf(F x) {
    const F z = x * x, a = -M::negative(x);
    F p = M::broadcast(7.853861353153693e-5f);
    p = M::fma(p, z, M::broadcast(-8.010193625184903e-4f));
    p = M::fma(p, z, M::broadcast(5.188327685732524e-3f));
    p = M::fma(p, z, M::broadcast(-2.685381193529856e-2f));
    p = M::fma(p, z, M::broadcast(1.128358514861418e-1f));
    p = M::fma(p, z, M::broadcast(-3.761262582423300e-1f));
    p = M::fma(p, z, M::broadcast(1.128379165726710e+0f));
    const F far = M::broadcast(1.0f) - erfc(a);
    const F y = M::select(a < M::broadcast(1.0f), a * p, far);
    return M::where_negative(x, -y, y);
  }
};

}  // namespace vitrine
