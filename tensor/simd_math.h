// The arithmetic of vectors, for what is written once for vectors and devices (tensor/elementary.h), and exp and sigmoid on vectors.
#pragma once

#include "tensor/elementary.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

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

struct Lanes {
  using F = kernels::VITRINE_ISA::F;

  static F broadcast(float v) { return kernels::VITRINE_ISA::broadcast(v); }
  static F fma(F a, F b, F c) { return kernels::VITRINE_ISA::fma(a, b, c); }
  static F max(F a, F b) { return kernels::VITRINE_ISA::max(a, b); }
  static F min(F a, F b) { return kernels::VITRINE_ISA::min(a, b); }
  static F select(I mask, F x, F y) { return kernels::VITRINE_ISA::select(mask, x, y); }
  static F where_negative(F x, F a, F b) { return kernels::VITRINE_ISA::where_negative(x, a, b); }
  static F negative(F x) { return from_bits(bits(x) | bits(broadcast(-0.0f))); }  // -|x|
  // p 2^n for a result that is a normal number or, at p = 1 and n = 128, +inf; n as 1.5 2^23 + n.
  static F add_to_exponent(F p, F magic_n) { return from_bits(bits(p) + (bits(magic_n) << 23)); }
  static F times_power_of_two(F p, F magic_n, F n) { return kernels::VITRINE_ISA::times_power_of_two(p, magic_n, n); }
};

static inline F exp(F x) { return Elementary<Lanes>::exp(x); }
static inline F sigmoid(F x) { return Elementary<Lanes>::sigmoid(x); }
static inline F sigmoid_gradient(F y, F dy) { return dy * y * (broadcast(1.0f) - y); }  // y: what sigmoid gave

}  // namespace vitrine::kernels::VITRINE_ISA
