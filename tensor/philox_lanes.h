// Philox4x32-10 (tensor/philox.h) on vectors: one block in every lane of 64 bits, of whose words the low halves count.
//
// For `*_cpu.cpp` files (tensor/simd.h).
#pragma once

#include "tensor/double_lanes.h"

namespace vitrine::kernels::VITRINE_ISA {

typedef std::uint64_t Words __attribute__((vector_size(kLanes * 4)));

static inline Words broadcast_word(std::uint32_t w) { return Words{} + w; }

// The products of the low halves.
static inline Words product_of_low_halves(Words a, std::uint32_t b) {
#if defined(__AVX512F__)
  return (Words)_mm512_mul_epu32((__m512i)a, (__m512i)broadcast_word(b));
#elif defined(__AVX2__)
  return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)broadcast_word(b));
#elif defined(__aarch64__)
  return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(b));
#else
  return (a & 0xFFFFFFFFu) * b;
#endif
}

struct PhiloxBlock {
  Words w0, w1, w2, w3;
};

static inline PhiloxBlock philox(PhiloxBlock c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const Words a = product_of_low_halves(c.w0, 0xD2511F53), b = product_of_low_halves(c.w2, 0xCD9E8D57);
    c = {(b >> 32) ^ c.w1 ^ broadcast_word(k0), b, (a >> 32) ^ c.w3 ^ broadcast_word(k1), a};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

// The low halves as doubles: exact.
static inline HalfD low_halves(Words w) { return (HalfD)((w & 0xFFFFFFFFu) | (Words)broadcast_half(0x1p52)) - 0x1p52; }

// [0, 1), multiples of 2^-53, from 64 bits: Draw::uniform's.
static inline HalfD uniform_53(Words high, Words low) {
  const Words whole = (high << 32 | (low & 0xFFFFFFFFu)) >> 11;
  return (low_halves(whole >> 32) * 0x1p32 + low_halves(whole)) * 0x1p-53;
}

// first, first + 1, ...
static inline Words counted_from(std::uint32_t first) {
  Words w = {};
  for (int i = 0; i < kHalfLanes; ++i) w[i] = first + static_cast<std::uint32_t>(i);
  return w;
}

}  // namespace vitrine::kernels::VITRINE_ISA
