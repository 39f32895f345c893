// exp and sigmoid of one float: operation by operation those of tensor/simd_math.h, so a GPU gives the CPU's bits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "tensor/cuda/both.h"

namespace vitrine::cuda {

// e^x for -110 <= x <= 100.
VITRINE_HD inline float exp_within_range(float x) {
  const float magic = 0x1.8p23f;  // adding it rounds to an integer, held in the low bits
  const float shifted = std::fma(x, 0x1.715476p+0f, magic);
  const float n = shifted - magic;
  float r = std::fma(n, -0x1.62e4p-1f, x);
  r = std::fma(n, -0x1.7f7d1cp-20f, r);
  float p = 0x1.a01a02p-13f;  // 1/7!
  p = std::fma(p, r, 0x1.6c16c2p-10f);
  p = std::fma(p, r, 0x1.111112p-7f);
  p = std::fma(p, r, 0x1.555556p-5f);
  p = std::fma(p, r, 0x1.555556p-3f);
  p = std::fma(p, r, 0.5f);
  p = std::fma(p, r, 1.0f);
  p = std::fma(p, r, 1.0f);
  // 2^n in two exact factors: a result below the smallest normal number is rounded once.
  const std::int32_t k = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(magic), half = k >> 1;
  return p * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((k - half + 127) << 23);
}

// 1 / (1 + e^-x), from e = e^-|x| on either side; NaN stays NaN.
VITRINE_HD inline float sigmoid(float x) {
  const float negative = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) | 0x80000000u);  // -|x|
  const float e = exp_within_range(-110.0f > negative ? -110.0f : negative);
  return (std::bit_cast<std::uint32_t>(x) & 0x80000000u ? e : 1.0f) / (1.0f + e);
}

}  // namespace vitrine::cuda
