// bfloat16: float32's sign and exponent with 8 bits of precision, for tensors that lie in memory in half the bytes and are computed with in
// float32.
//
// Source     Kalamkar et al. 2019, arXiv:1905.12322. Rounded to nearest, ties to even: |rounded(x) - x| <= 2^-8 |x| above the subnormals.
#pragma once

#include <cstdint>
#include <cstring>

#include "tensor/cuda/host_device.h"
#include "tensor/dtype.h"

namespace vitrine {

struct BFloat16 {
  std::uint16_t bits;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::bf16;
};

VITRINE_HD inline float widened(BFloat16 h) {
  const std::uint32_t bits = static_cast<std::uint32_t>(h.bits) << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// A NaN stays one, quiet.
VITRINE_HD inline BFloat16 to_bfloat16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

namespace cuda {

// An element of a tensor in either type, which no thread of the running kernel writes; and one that is written.
VITRINE_HD inline float value_at(const float* at) { return constant(at); }
VITRINE_HD inline float value_at(const BFloat16* at) { return widened({constant(&at->bits)}); }
VITRINE_HD inline float value_now(const float* at) { return *at; }  // that the kernel itself may write
VITRINE_HD inline float value_now(const BFloat16* at) { return widened(*at); }
VITRINE_HD inline void keep(float* to, float value) { *to = value; }
VITRINE_HD inline void keep(BFloat16* to, float value) { *to = to_bfloat16(value); }

// The value as it will be read again from memory of that type.
VITRINE_HD inline float as_kept(const float*, float value) { return value; }
VITRINE_HD inline float as_kept(const BFloat16*, float value) { return widened(to_bfloat16(value)); }

}  // namespace cuda
}  // namespace vitrine
