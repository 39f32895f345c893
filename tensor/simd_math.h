// exp and sigmoid on vectors: ours, from fma and exact operations only, so every instruction set gives the same bits.
//
// exp(x) = 2^n * e^r with n = round(x / ln 2) and r = x - n ln 2 in two fma steps, |r| <= ln 2 / 2; e^r by its Taylor
// polynomial of degree 7, Horner order. 2^n is applied in two exact factors, so results below the smallest normal number are
// rounded once (denormals are kept). Error bounds are tested in tests/tensor/simd_math_test.cpp.
#pragma once

#include "tensor/simd.h"

namespace vitrine::cpu::VITRINE_ISA {

// p 2^n, rounded once where the result is below the smallest normal number; n as kMagic + n and as a number, |n| < 160.
static inline F times_power_of_two(F p, F magic_n, F n) {
#if defined(__AVX512F__)
  (void)magic_n;
  return (F)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
  (void)n;
  const I k = bits(magic_n) - bits(broadcast(0x1.8p23f));
  const I half = k >> 1;
  return p * from_bits((half + 127) << 23) * from_bits((k - half + 127) << 23);
#endif
}

// e^x for -110 <= x <= 100; NaN stays NaN.
static inline F exp_within_range(F x) {
  const F kLog2e = broadcast(0x1.715476p+0f);
  const F kLn2High = broadcast(0x1.62e4p-1f);    // ln 2 to 15 bits: n * high is exact
  const F kLn2Low = broadcast(0x1.7f7d1cp-20f);  // the rest
  const F kMagic = broadcast(0x1.8p23f);         // adding it rounds to an integer, held in the low bits
  const F shifted = fma(x, kLog2e, kMagic);
  const F n = shifted - kMagic;
  F r = fma(n, -kLn2High, x);
  r = fma(n, -kLn2Low, r);
  F p = broadcast(0x1.a01a02p-13f);           // 1/7!
  p = fma(p, r, broadcast(0x1.6c16c2p-10f));  // 1/6!
  p = fma(p, r, broadcast(0x1.111112p-7f));   // 1/5!
  p = fma(p, r, broadcast(0x1.555556p-5f));   // 1/4!
  p = fma(p, r, broadcast(0x1.555556p-3f));   // 1/3!
  p = fma(p, r, broadcast(0.5f));
  p = fma(p, r, broadcast(1.0f));
  p = fma(p, r, broadcast(1.0f));
  return times_power_of_two(p, shifted, n);
}

// e^x: 0 below -104, +inf above 88.73; NaN stays NaN. At most 2 ulp.
static inline F exp(F x) {
  // max and min give their second argument when it is NaN.
  return exp_within_range(min(broadcast(100.0f), max(broadcast(-110.0f), x)));
}

// 1 / (1 + e^-x), from e = e^-|x| on either side, so small values keep their relative accuracy. At most 3 ulp.
static inline F sigmoid(F x) {
  const F one = broadcast(1.0f);
  const F negative = from_bits(bits(x) | bits(broadcast(-0.0f)));  // -|x|
  const F e = exp_within_range(max(broadcast(-110.0f), negative));
  return where_negative(x, e, one) / (one + e);  // at -0 both are 1
}

}  // namespace vitrine::cpu::VITRINE_ISA
