// exp, log, sine and cosine of vectors of doubles: in every lane the bits of tensor/math.h, from the same operations in the same order.
//
// For `*_cpu.cpp` files (tensor/simd.h). A `HalfD` has half as many lanes as a vector of floats. That every instruction set gives these bits
// is shown by the kernels that use them: views (tests/data/view_test.cpp).
#pragma once

#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

inline constexpr int kHalfLanes = kLanes / 2;

typedef std::int64_t HalfI __attribute__((vector_size(kLanes * 4)));

static inline HalfD broadcast_half(double v) { return HalfD{} + v; }
static inline HalfI bits(HalfD v) { return (HalfI)v; }
static inline HalfD from_bits(HalfI v) { return (HalfD)v; }

static inline HalfD load_half(const double* p) {
  HalfD v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
static inline void store_half(double* p, HalfD v) { std::memcpy(p, &v, sizeof v); }

// Where a mask lane is true (all bits set, as comparisons give), x, else y.
static inline HalfD select(HalfI mask, HalfD x, HalfD y) { return mask ? x : y; }

// v < low ? low : high < v ? high : v. NaN stays NaN.
static inline HalfD clipped(HalfD v, double low, double high) {
#if defined(__AVX512F__)
  const __m512d raised = _mm512_max_pd((__m512d)broadcast_half(low), (__m512d)v);
  return (HalfD)_mm512_min_pd((__m512d)broadcast_half(high), raised);
#elif defined(__AVX2__)
  const __m256d raised = _mm256_max_pd((__m256d)broadcast_half(low), (__m256d)v);
  return (HalfD)_mm256_min_pd((__m256d)broadcast_half(high), raised);
#else
  const HalfD l = broadcast_half(low), h = broadcast_half(high);
  return select(v < l, l, select(h < v, h, v));
#endif
}

static inline HalfD square_root(HalfD v) {  // correctly rounded on every machine
#if defined(__AVX512F__)
  return (HalfD)_mm512_sqrt_pd((__m512d)v);
#elif defined(__AVX2__)
  return (HalfD)_mm256_sqrt_pd((__m256d)v);
#elif defined(__aarch64__)
  return (HalfD)vsqrtq_f64((float64x2_t)v);
#else
  HalfD r = {};
  for (int i = 0; i < kHalfLanes; ++i) r[i] = __builtin_sqrt(v[i]);
  return r;
#endif
}

// Adding it to |v| < 2^51 rounds v to an integer, ties to even, and leaves that integer in the low bits.
inline constexpr double kRounding = 0x1.8p52;

// The greatest integer that is not above v, |v| < 2^51. The sign of a zero is not said.
static inline HalfD floor_of(HalfD v) {
#if defined(__AVX512F__)
  return (HalfD)_mm512_floor_pd((__m512d)v);
#elif defined(__AVX2__)
  return (HalfD)_mm256_floor_pd((__m256d)v);
#elif defined(__aarch64__)
  return (HalfD)vrndmq_f64((float64x2_t)v);
#else
  const HalfD n = (v + kRounding) - kRounding;
  return n - select(n > v, broadcast_half(1.0), HalfD{});
#endif
}

// |x| <= 700; NaN stays NaN.
static inline HalfD exp_within_range(HalfD x) {
  const HalfD shifted = x * 1.4426950408889634 + kRounding;
  const HalfD n = shifted - kRounding;
  const HalfD r = fma(n, broadcast_half(-0x1.ef35793c7673p-45), fma(n, broadcast_half(-0x1.62e42fefa38p-1), x));
  HalfD p = broadcast_half(1.0 / 6227020800.0);  // 1/13!
  const auto then = [&](double coefficient) { p = fma(p, r, broadcast_half(coefficient)); };
  then(1.0 / 479001600.0);
  then(1.0 / 39916800.0);
  then(1.0 / 3628800.0);
  then(1.0 / 362880.0);
  then(1.0 / 40320.0);
  then(1.0 / 5040.0);
  then(1.0 / 720.0);
  then(1.0 / 120.0);
  then(1.0 / 24.0);
  then(1.0 / 6.0);
  then(0.5);
  then(1.0);
  then(1.0);
  const HalfI whole = bits(shifted) - bits(broadcast_half(kRounding));
  return p * from_bits((whole + 1023) << 52);
}

// x > 0 and not below the smallest normal number; +inf and NaN stay what they are.
static inline HalfD log(HalfD x) {
  typedef std::uint64_t U __attribute__((vector_size(kLanes * 4)));
  const U word = (U)x;
  // x = m 2^exponent, m within sqrt(1/2)..sqrt(2)
  HalfD m = (HalfD)((word & 0x000FFFFFFFFFFFFFu) | 0x3FE0000000000000u);
  const HalfI small = m < 0x1.6a09e667f3bcdp-1;
  m = select(small, m * 2.0, m);
  const HalfD biased = (HalfD)((word >> 52) + (U)broadcast_half(kRounding)) - kRounding;
  const HalfD exponent = biased - select(small, broadcast_half(1023.0), broadcast_half(1022.0));
  const HalfD f = m - 1.0;
  const HalfD s = f / (m + 1.0);
  const HalfD z = s * s;
  HalfD p = broadcast_half(2.0 / 23);
  const auto then = [&](double coefficient) { p = fma(p, z, broadcast_half(coefficient)); };
  then(2.0 / 21);
  then(2.0 / 19);
  then(2.0 / 17);
  then(2.0 / 15);
  then(2.0 / 13);
  then(2.0 / 11);
  then(2.0 / 9);
  then(2.0 / 7);
  then(2.0 / 5);
  then(2.0 / 3);
  const HalfD log_m = f - s * (f - z * p);
  const HalfD result =
      fma(exponent, broadcast_half(0x1.62e42fefa38p-1), fma(exponent, broadcast_half(0x1.ef35793c7673p-45), log_m));
  return select(x < __builtin_inf(), result, x);
}

struct SineCosine {
  HalfD sine, cosine;
};

// |x| <= 1e5; the sine of minus zero is minus zero
static inline SineCosine sine_cosine(HalfD x) {
  const HalfD shifted = x * 0.63661977236758134 + kRounding;
  const HalfD n = shifted - kRounding;
  HalfD r = fma(n, broadcast_half(-0x1.921fb544p+0), x);
  r = fma(n, broadcast_half(-0x1.0b4611a6p-34), r);
  r = fma(n, broadcast_half(-0x1.3198a2e037073p-69), r);
  const HalfD z = r * r;
  HalfD p = broadcast_half(-1.0 / 1307674368000.0);  // 1/15!
  p = fma(p, z, broadcast_half(1.0 / 6227020800.0));
  p = fma(p, z, broadcast_half(-1.0 / 39916800.0));
  p = fma(p, z, broadcast_half(1.0 / 362880.0));
  p = fma(p, z, broadcast_half(-1.0 / 5040.0));
  p = fma(p, z, broadcast_half(1.0 / 120.0));
  p = fma(p, z, broadcast_half(-1.0 / 6.0));
  const HalfD sine = fma(p * z, r, r);
  HalfD q = broadcast_half(1.0 / 20922789888000.0);  // 1/16!
  q = fma(q, z, broadcast_half(-1.0 / 87178291200.0));
  q = fma(q, z, broadcast_half(1.0 / 479001600.0));
  q = fma(q, z, broadcast_half(-1.0 / 3628800.0));
  q = fma(q, z, broadcast_half(1.0 / 40320.0));
  q = fma(q, z, broadcast_half(-1.0 / 720.0));
  q = fma(q, z, broadcast_half(1.0 / 24.0));
  q = fma(q, z, broadcast_half(-0.5));
  const HalfD cosine = fma(q, z, broadcast_half(1.0));
  // The quarter of the circle says which of the two, and bit 1 its sign.
  const HalfI quarter = bits(shifted), is_odd = (quarter & 1) != 0;
  const HalfI sine_sign = (quarter & 2) << 62, cosine_sign = ((quarter + 1) & 2) << 62;
  return {from_bits(bits(select(is_odd, cosine, sine)) ^ sine_sign),
          from_bits(bits(select(is_odd, sine, cosine)) ^ cosine_sign)};
}

}  // namespace vitrine::kernels::VITRINE_ISA
