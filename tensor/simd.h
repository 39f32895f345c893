// SIMD: a thin wrapper over GNU vector extensions, compiled into vitrine::kernels::<isa> (see tensor/isa.h).
//
// Include it in `*_cpu.cpp` files only. `F` holds kLanes floats, `I` kLanes 32-bit integers; + - * / and comparisons are
// the language's own on vectors, lane by lane and correctly rounded. A multiply-add is always written fma(a, b, c).
// Lanes run across independent outputs and are never added to each other, so the width cannot change a result.
//
// Kernel files take raw pointers, not std:: containers: an inline std:: function compiled here with wide instructions
// could otherwise be linked into code that runs on any machine.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef VITRINE_ISA
#error "this header is for files that CMake compiles once for each instruction set: vitrine_kernels(TARGET file...)"
#endif

namespace vitrine::kernels::VITRINE_ISA {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;  // NEON, or "scalar": the compiler's generic code, one lane after the other where it must
#endif

#if defined(__AVX2__) || defined(__aarch64__)
inline constexpr bool kVectorSet = true;
#else
inline constexpr bool kVectorSet = false;
#endif

typedef float F __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t I __attribute__((vector_size(kLanes * 4)));
typedef double HalfD __attribute__((vector_size(kLanes * 4)));

// As many doubles as F has floats, in two registers: gcc keeps one vector of twice the register's width in memory.
struct D {
  HalfD low, high;
};
static inline D operator+(D a, D b) { return {a.low + b.low, a.high + b.high}; }
static inline D operator-(D a, D b) { return {a.low - b.low, a.high - b.high}; }
static inline D operator*(D a, D b) { return {a.low * b.low, a.high * b.high}; }
static inline D operator/(D a, D b) { return {a.low / b.low, a.high / b.high}; }
static inline D broadcast_double(double v) { return {HalfD{} + v, HalfD{} + v}; }

static inline F load(const float* p) {
  F v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
static inline void store(float* p, F v) { std::memcpy(p, &v, sizeof v); }

#if !defined(__AVX2__)  // and so not AVX-512 either
// Without calls: around a call no whole vector keeps its register on 64-bit ARM, so that one in a rare branch moves a loop's sums to the stack.
static inline F load_few(const float* p, int n) {
  if (n == 1) return F{p[0], 0, 0, 0};
  return F{p[0], p[1], n == 3 ? p[2] : 0, 0};
}
static inline void store_few(float* p, F v, int n) {
  p[0] = v[0];
  if (n > 1) p[1] = v[1];
  if (n > 2) p[2] = v[2];
}
#endif

// The first n lanes (0 < n <= kLanes); the others are zero, and memory beyond n is not touched.
static inline F load_partial(const float* p, int n) {
#if defined(__AVX512F__)
  return (F)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
#elif defined(__AVX2__)
  if (n == kLanes) return load(p);
  const I lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return (F)_mm256_maskload_ps(p, (__m256i)(lane < n));
#else
  return n == kLanes ? load(p) : load_few(p, n);
#endif
}
static inline void store_partial(float* p, F v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), (__m512)v);
#elif defined(__AVX2__)
  if (n == kLanes) return store(p, v);  // a masked store is 42 micro-operations on Zen 1 to 3
  const I lane = {0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(p, (__m256i)(lane < n), (__m256)v);
#else
  n == kLanes ? store(p, v) : store_few(p, v, n);
#endif
}

// A store past the caches, for memory that is not read again soon: it saves the reading of the line that is overwritten. p is aligned to
// the vector. `finish_streaming` comes before anyone else looks at the memory.
static inline void stream(float* p, F v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, (__m256)v);
#else
  store(p, v);
#endif
}
static inline void finish_streaming() {
#if defined(__AVX512F__) || defined(__AVX2__)
  _mm_sfence();
#endif
}

static inline F broadcast(float x) {
#if defined(__AVX512F__)
  return (F)_mm512_set1_ps(x);
#elif defined(__AVX2__)
  return (F)_mm256_set1_ps(x);
#else
  return F{x, x, x, x};
#endif
}
static inline F zero() { return F{}; }

// a * b + c with one rounding.
static inline F fma(F a, F b, F c) {
#if defined(__AVX512F__)
  return (F)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
  return (F)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  F r = {};
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return r;
#endif
}
static inline HalfD fma(HalfD a, HalfD b, HalfD c) {
#if defined(__AVX512F__)
  return (HalfD)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
  return (HalfD)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  return (HalfD)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  HalfD r = {};
  for (int i = 0; i < kLanes / 2; ++i) r[i] = __builtin_fma(a[i], b[i], c[i]);
  return r;
#endif
}
static inline D fma(D a, D b, D c) { return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)}; }

static inline D widen(F v) {  // exact
#if defined(__AVX512F__)
  const __m256 high = _mm512_extractf32x8_ps((__m512)v, 1);
  return {(HalfD)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v)), (HalfD)_mm512_cvtps_pd(high)};
#elif defined(__AVX2__)
  const __m128 high = _mm256_extractf128_ps((__m256)v, 1);
  return {(HalfD)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v)), (HalfD)_mm256_cvtps_pd(high)};
#elif defined(__aarch64__)
  return {(HalfD)vcvt_f64_f32(vget_low_f32((float32x4_t)v)), (HalfD)vcvt_high_f64_f32((float32x4_t)v)};
#else
  D r = {};
  for (int i = 0; i < kLanes / 2; ++i) {
    r.low[i] = static_cast<double>(v[i]);
    r.high[i] = static_cast<double>(v[i + kLanes / 2]);
  }
  return r;
#endif
}
static inline F narrow(D v) {  // one rounding
#if defined(__AVX512F__)
  return (F)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)v.low)), _mm512_cvtpd_ps((__m512d)v.high), 1);
#elif defined(__AVX2__)
  return (F)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)v.low)), _mm256_cvtpd_ps((__m256d)v.high), 1);
#elif defined(__aarch64__)
  return (F)vcvt_high_f32_f64(vcvt_f32_f64((float64x2_t)v.low), (float64x2_t)v.high);
#else
  F r = {};
  for (int i = 0; i < kLanes / 2; ++i) {
    r[i] = static_cast<float>(v.low[i]);
    r[i + kLanes / 2] = static_cast<float>(v.high[i]);
  }
  return r;
#endif
}

static inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// The lanes of the vector that starts at element k of `width`; at least one.
static inline int lanes_of(std::int64_t width, std::int64_t k) { return static_cast<int>(smaller(kLanes, width - k)); }

// Asks for the memory at p, kLinesAhead cache lines further on in a run that is being read: enough for the slowest level to answer
// while some ten cycles are spent on each line. The address need not exist.
inline constexpr int kLinesAhead = 56;
static inline void read_ahead(const float* p) { __builtin_prefetch(p + kLinesAhead * 16, 0, 3); }

static inline void write_ahead(float* p) { __builtin_prefetch(p + kLinesAhead * 16, 1, 3); }

// By halves: gcc copies a pair through memory, 16 bytes at a time, and waits for them when it reads them whole.
static inline D load_wide(const double* p) {
  D v;
  std::memcpy(&v.low, p, sizeof v.low);
  std::memcpy(&v.high, p + kLanes / 2, sizeof v.high);
  return v;
}
static inline void store_wide(double* p, D v) {
  std::memcpy(p, &v.low, sizeof v.low);
  std::memcpy(p + kLanes / 2, &v.high, sizeof v.high);
}

// Where there are 16 registers: lies in memory from here on, not in those that a loop in between needs for itself.
template <class T>
static inline void put_down(T& value) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  asm("" : "+m"(value));  // NOLINT(hicpp-no-assembler): no instruction
#else
  (void)value;
#endif
}

// Where a mask lane is true (all bits set, as comparisons give), x, else y.
static inline F select(I mask, F x, F y) {
#if defined(__AVX512F__)
  return (F)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)mask), (__m512)y, (__m512)x);
#elif defined(__AVX2__)
  return (F)_mm256_blendv_ps((__m256)y, (__m256)x, (__m256)mask);
#else
  I a, b;
  std::memcpy(&a, &x, sizeof a);
  std::memcpy(&b, &y, sizeof b);
  I r = (a & mask) | (b & ~mask);
  F out;
  std::memcpy(&out, &r, sizeof out);
  return out;
#endif
}
// Where the sign bit of x is set, a, else b.
static inline F where_negative(F x, F a, F b) {
#if defined(__AVX512F__)
  return (F)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)x), (__m512)b, (__m512)a);
#elif defined(__AVX2__)
  return (F)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)x);
#else
  I sign;
  std::memcpy(&sign, &x, sizeof sign);
  return select(sign < 0, a, b);
#endif
}
static inline F max(F a, F b) {  // a where a > b, else b: b when either is NaN
#if defined(__AVX512F__)
  return (F)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return select(a > b, a, b);
#endif
}
static inline F min(F a, F b) {  // a where a < b, else b: b when either is NaN
#if defined(__AVX512F__)
  return (F)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return select(a < b, a, b);
#endif
}
static inline F square_root(F v) {  // correctly rounded on every machine
#if defined(__AVX512F__)
  return (F)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX2__)
  return (F)_mm256_sqrt_ps((__m256)v);
#elif defined(__aarch64__)
  return (F)vsqrtq_f32((float32x4_t)v);
#else
  F r = {};
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_sqrtf(v[i]);
  return r;
#endif
}
static inline I bits(F v) {
  I r;
  std::memcpy(&r, &v, sizeof r);
  return r;
}
static inline F from_bits(I v) {
  F r = {};
  std::memcpy(&r, &v, sizeof r);
  return r;
}

}  // namespace vitrine::kernels::VITRINE_ISA
