// The bodies of tensor/math.h, for the host (math.cpp) and for GPUs.
//
// Files that are compiled for one instruction set must not include this: an inline function compiled there could be linked into code
// that runs on any machine.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/cuda/host_device.h"

namespace vitrine::host_device {
namespace detail {

inline constexpr double kLn2High = 0x1.62e42fefa38p-1;   // ln 2 to 42 bits: times an integer below 2^11 it is exact
inline constexpr double kLn2Low = 0x1.ef35793c7673p-45;  // ln 2 - kLn2High

VITRINE_HD inline double power_of_two(int n) { return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52); }

// Taylor polynomials of sin and cos on |r| <= pi/4; the first term left out is below 2^-58.
VITRINE_HD inline double sin_polynomial(double r) {
  const double z = r * r;
  double p = -1.0 / 1307674368000.0;  // 1/15!
  p = std::fma(p, z, 1.0 / 6227020800.0);
  p = std::fma(p, z, -1.0 / 39916800.0);
  p = std::fma(p, z, 1.0 / 362880.0);
  p = std::fma(p, z, -1.0 / 5040.0);
  p = std::fma(p, z, 1.0 / 120.0);
  p = std::fma(p, z, -1.0 / 6.0);
  return std::fma(p * z, r, r);
}

VITRINE_HD inline double cos_polynomial(double r) {
  const double z = r * r;
  double p = 1.0 / 20922789888000.0;  // 1/16!
  p = std::fma(p, z, -1.0 / 87178291200.0);
  p = std::fma(p, z, 1.0 / 479001600.0);
  p = std::fma(p, z, -1.0 / 3628800.0);
  p = std::fma(p, z, 1.0 / 40320.0);
  p = std::fma(p, z, -1.0 / 720.0);
  p = std::fma(p, z, 1.0 / 24.0);
  p = std::fma(p, z, -0.5);
  return std::fma(p, z, 1.0);
}

// x - n pi/2 with pi/2 in three pieces of 33 bits and the rest; good for |n| < 2^17.
VITRINE_HD inline double reduced(double x, double n) {
  double r = std::fma(n, -0x1.921fb544p+0, x);
  r = std::fma(n, -0x1.0b4611a6p-34, r);
  return std::fma(n, -0x1.3198a2e037073p-69, r);
}

VITRINE_HD inline double sin_of_quarter(double r, long quarter) {
  switch (quarter & 3) {
    case 0: return sin_polynomial(r);
    case 1: return cos_polynomial(r);
    case 2: return -sin_polynomial(r);
    default: return -cos_polynomial(r);
  }
}

}  // namespace detail

VITRINE_HD inline double exp_portable(double x) {
  if (std::isnan(x)) return x;
  if (x > 709.79) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0.0;
  const double n = std::nearbyint(x * 1.4426950408889634);
  const double r = std::fma(n, -detail::kLn2Low, std::fma(n, -detail::kLn2High, x));
  double p = 1.0 / 6227020800.0;  // 1/13!
  p = std::fma(p, r, 1.0 / 479001600.0);
  p = std::fma(p, r, 1.0 / 39916800.0);
  p = std::fma(p, r, 1.0 / 3628800.0);
  p = std::fma(p, r, 1.0 / 362880.0);
  p = std::fma(p, r, 1.0 / 40320.0);
  p = std::fma(p, r, 1.0 / 5040.0);
  p = std::fma(p, r, 1.0 / 720.0);
  p = std::fma(p, r, 1.0 / 120.0);
  p = std::fma(p, r, 1.0 / 24.0);
  p = std::fma(p, r, 1.0 / 6.0);
  p = std::fma(p, r, 0.5);
  p = std::fma(p, r, 1.0);
  p = std::fma(p, r, 1.0);
  const int whole = static_cast<int>(n);
  return p * detail::power_of_two(whole / 2) * detail::power_of_two(whole - whole / 2);
}

// x > 0; -inf at 0, NaN below
VITRINE_HD inline double log_portable(double x) {
  if (std::isnan(x) || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (std::isinf(x)) return x;
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // [0.5, 1)
  if (m < 0x1.6a09e667f3bcdp-1) {       // keep m within sqrt(1/2)..sqrt(2)
    m *= 2;
    --exponent;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716: the first term left out is below 2^-62.
  const double f = m - 1;
  const double s = f / (m + 1);
  const double z = s * s;
  double p = 2.0 / 23;
  for (int k = 21; k >= 3; k -= 2) p = std::fma(p, z, 2.0 / k);
  // 2 s = f - s f exactly in real numbers; written so, the rounding of s is scaled down by f.
  const double log_m = f - s * (f - z * p);
  return std::fma(static_cast<double>(exponent), detail::kLn2High,
                  std::fma(static_cast<double>(exponent), detail::kLn2Low, log_m));
}

// |x| <= 1e5
VITRINE_HD inline double sin_portable(double x) {
  const double n = std::nearbyint(x * 0.63661977236758134);
  return detail::sin_of_quarter(detail::reduced(x, n), static_cast<long>(n));
}

// |x| <= 1e5
VITRINE_HD inline double cos_portable(double x) {
  const double n = std::nearbyint(x * 0.63661977236758134);
  return detail::sin_of_quarter(detail::reduced(x, n), static_cast<long>(n) + 1);
}

}  // namespace vitrine::host_device
