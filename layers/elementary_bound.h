// The functions of tensor/elementary.h in float64, within the ulp that it states, and the error that came in with the argument.
//
// |f(x + e) - f(x)| is at most e times the largest derivative within the doubt: that at its point nearest to zero. `ulps` are of the true value, 2^-23 of it at most, and 2^-149 below
// the smallest normal number.
#pragma once

#include "layers/bounded.h"

namespace vitrine {

// A float32 within `ulps` of a true value that is itself in doubt.
inline Bounded within_ulps(Bounded z, double ulps) {
  const double most = std::abs(z.value) + z.bound;
  if (most > kLargestFloat) return {z.value, std::numeric_limits<double>::infinity()};
  return {z.value, z.bound + ulps * (0x1p-23 * (1 + 0x1p-20) * most + 0x1p-149)};
}

// The point of the doubt that is nearest to zero.
inline double nearest_to_zero(Bounded x) { return std::max(0.0, std::abs(x.value) - x.bound); }

inline Bounded exp_bound(Bounded x) {
  const double value = std::exp(x.value);
  // Above 88.72 it leaves float32; the kernel holds arguments to -110 .. 100.
  const double carried = x.bound == 0 ? 0 : value * std::expm1(x.bound);
  return within_ulps({value, carried}, 2);
}

inline Bounded sigmoid_bound(Bounded x) {
  const double value = 1 / (1 + std::exp(-x.value));
  double carried = 0;
  if (x.bound > 0) {
    const double e = std::exp(-nearest_to_zero(x));
    carried = std::min(1.0, x.bound * e / ((1 + e) * (1 + e)));
  }
  Bounded y = within_ulps({value, carried}, x.value - x.bound > -17 ? 5 : 7);
  if (x.value - x.bound < -88.7) y.bound += value;  // 0 below -88.72
  return y;
}

inline Bounded tanh_bound(Bounded x) {
  const double value = std::tanh(x.value), near = x.bound > 0 ? std::cosh(nearest_to_zero(x)) : 1;
  const double carried = x.bound > 0 ? std::min(2.0, x.bound / (near * near)) : 0;
  return within_ulps({value, carried}, 2);
}

// erfc of tensor/elementary.h: 8 ulp where it is a normal number; below, the roundings of its three subnormal factors.
inline Bounded erfc_bound(Bounded x) {
  const double value = std::erfc(x.value), near = nearest_to_zero(x);
  const double carried = x.bound > 0 ? std::min(2.0, x.bound * 1.1283791670955126 * std::exp(-near * near)) : 0;
  return within_ulps({value, carried}, 8);
}

}  // namespace vitrine
