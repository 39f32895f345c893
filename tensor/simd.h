// SIMD: a thin wrapper over GNU vector extensions, compiled into vitrine::cpu::<isa> (see tensor/isa.h).
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
#endif

#ifndef VITRINE_ISA
#error "tensor/simd.h is for *_cpu.cpp files, which CMake compiles once for each instruction set"
#endif

namespace vitrine::cpu::VITRINE_ISA {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;  // "scalar": the compiler's generic code, one lane after the other where it must
#endif

typedef float F __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t I __attribute__((vector_size(kLanes * 4)));
typedef double D __attribute__((vector_size(kLanes * 8)));  // as many doubles as F has floats

#if defined(__AVX512F__)
// The unmasked forms of some intrinsics trip gcc 12's warning about uninitialised values; a full mask costs nothing.
inline constexpr __mmask16 kAllLanes = 0xffff;
#endif

static inline F load(const float* p) {
  F v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
static inline void store(float* p, F v) { std::memcpy(p, &v, sizeof v); }

// The first n lanes (0 < n <= kLanes); the others are zero, and memory beyond n is not touched.
static inline F load_partial(const float* p, int n) {
#if defined(__AVX512F__)
  return (F)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
#elif defined(__AVX2__)
  const I lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return (F)_mm256_maskload_ps(p, (__m256i)(lane < n));
#else
  F v = {};
  std::memcpy(&v, p, static_cast<unsigned>(n) * sizeof(float));
  return v;
#endif
}
static inline void store_partial(float* p, F v, int n) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), (__m512)v);
#elif defined(__AVX2__)
  const I lane = {0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(p, (__m256i)(lane < n), (__m256)v);
#else
  std::memcpy(p, &v, static_cast<unsigned>(n) * sizeof(float));
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
#else
  F r;
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return r;
#endif
}
static inline D fma(D a, D b, D c) {
  D r;
#if defined(__AVX512F__)
  for (int h = 0; h < 2; ++h) {
    __m512d x, y, z;
    std::memcpy(&x, reinterpret_cast<const char*>(&a) + h * 64, 64);
    std::memcpy(&y, reinterpret_cast<const char*>(&b) + h * 64, 64);
    std::memcpy(&z, reinterpret_cast<const char*>(&c) + h * 64, 64);
    x = _mm512_fmadd_pd(x, y, z);
    std::memcpy(reinterpret_cast<char*>(&r) + h * 64, &x, 64);
  }
#elif defined(__AVX2__)
  for (int h = 0; h < 2; ++h) {
    __m256d x, y, z;
    std::memcpy(&x, reinterpret_cast<const char*>(&a) + h * 32, 32);
    std::memcpy(&y, reinterpret_cast<const char*>(&b) + h * 32, 32);
    std::memcpy(&z, reinterpret_cast<const char*>(&c) + h * 32, 32);
    x = _mm256_fmadd_pd(x, y, z);
    std::memcpy(reinterpret_cast<char*>(&r) + h * 32, &x, 32);
  }
#else
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_fma(a[i], b[i], c[i]);
#endif
  return r;
}

static inline D widen(F v) { return __builtin_convertvector(v, D); }   // exact
static inline F narrow(D v) { return __builtin_convertvector(v, F); }  // one rounding

static inline D load_wide(const double* p) {
  D v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
static inline void store_wide(double* p, D v) { std::memcpy(p, &v, sizeof v); }

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
static inline F max(F a, F b) {  // a where a > b, else b: b when either is NaN
#if defined(__AVX512F__)
  return (F)_mm512_maskz_max_ps(kAllLanes, (__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_max_ps((__m256)a, (__m256)b);
#else
  return select(a > b, a, b);
#endif
}
static inline F min(F a, F b) {  // a where a < b, else b: b when either is NaN
#if defined(__AVX512F__)
  return (F)_mm512_maskz_min_ps(kAllLanes, (__m512)a, (__m512)b);
#elif defined(__AVX2__)
  return (F)_mm256_min_ps((__m256)a, (__m256)b);
#else
  return select(a < b, a, b);
#endif
}
static inline F square_root(F v) {  // correctly rounded on every machine
#if defined(__AVX512F__)
  return (F)_mm512_maskz_sqrt_ps(kAllLanes, (__m512)v);
#elif defined(__AVX2__)
  return (F)_mm256_sqrt_ps((__m256)v);
#else
  F r;
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
  F r;
  std::memcpy(&r, &v, sizeof r);
  return r;
}

}  // namespace vitrine::cpu::VITRINE_ISA
