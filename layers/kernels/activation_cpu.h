// Activations on vectors, for kernels: value and slope of swish, ReLU6, and none.
#pragma once

#include "tensor/simd_math.h"

namespace vitrine::cpu::VITRINE_ISA {

struct Activated {
  F value, slope;  // f(u), f'(u)
};

struct SwishFunction {  // f(u) = u sigma(u), f'(u) = sigma(u) (1 + u (1 - sigma(u)))
  static F value(F u) { return u * sigmoid(u); }
  static F slope(F u) {
    const F one = broadcast(1.0f), s = sigmoid(u);
    return s * fma(u, one - s, one);
  }
  static Activated both(F u) {
    const F one = broadcast(1.0f), s = sigmoid(u);
    return {u * s, s * fma(u, one - s, one)};
  }
};

struct Relu6Function {  // f(u) = min(max(u, 0), 6), NaN for NaN; slope 0 at 0 and at 6, and for NaN
  // max and min give their second operand where one of the two is NaN.
  static F value(F u) { return min(broadcast(6.0f), max(zero(), u)); }
  static F slope(F u) { return select((u > zero()) & (u < broadcast(6.0f)), broadcast(1.0f), zero()); }
  static Activated both(F u) { return {value(u), slope(u)}; }
};

struct IdentityFunction {  // no activation
  static F value(F u) { return u; }
  static F slope(F) { return broadcast(1.0f); }
};

}  // namespace vitrine::cpu::VITRINE_ISA
