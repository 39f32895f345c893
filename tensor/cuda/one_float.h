// The arithmetic of one float on a device, operation by operation that of the vectors (tensor/simd_math.h): a GPU gives the CPU's bits.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "tensor/cuda/host_device.h"
#include "tensor/elementary.h"

namespace vitrine::cuda {

struct OneFloat {
  using F = float;

  VITRINE_HD static float broadcast(float v) { return v; }
  VITRINE_HD static float fma(float a, float b, float c) { return std::fma(a, b, c); }
  VITRINE_HD static float max(float a, float b) { return a > b ? a : b; }  // b when either is NaN
  VITRINE_HD static float min(float a, float b) { return a < b ? a : b; }
  VITRINE_HD static float select(bool mask, float x, float y) { return mask ? x : y; }
  VITRINE_HD static float where_negative(float x, float a, float b) {
    return (std::bit_cast<std::uint32_t>(x) & 0x80000000u) != 0 ? a : b;
  }
  VITRINE_HD static float negative(float x) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) | 0x80000000u);
  }  // -|x|
  // p 2^n for a normal result or +inf; n as 1.5 2^23 + n.
  VITRINE_HD static float add_to_exponent(float p, float magic_n) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (std::bit_cast<std::uint32_t>(magic_n) << 23));
  }
  // p 2^n in two exact factors: a result below the smallest normal number is rounded once. n as 1.5 2^23 + n too.
  VITRINE_HD static float times_power_of_two(float p, float magic_n, float) {
    const std::int32_t k = std::bit_cast<std::int32_t>(magic_n) - std::bit_cast<std::int32_t>(0x1.8p23f), half = k >> 1;
    return p * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((k - half + 127) << 23);
  }
};

VITRINE_HD inline float sigmoid(float x) { return Elementary<OneFloat>::sigmoid(x); }

}  // namespace vitrine::cuda
