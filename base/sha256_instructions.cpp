#include "base/sha256_instructions.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace vitrine {

#if defined(__x86_64__)

bool has_sha256_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  const bool sse41 = (c >> 19 & 1) != 0 && (c >> 9 & 1) != 0;  // SSE4.1 and SSSE3
  return sse41 && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 29 & 1) != 0;
}

// The instruction pair keeps the eight words as (a b e f) and (c d g h) and does two rounds at a time; sixteen message words are at hand
// in four registers, and each group of four is made from the four before it. Reference: Gulley et al. 2013, Intel SHA Extensions.
__attribute__((target("sha,sse4.1,ssse3"))) void sha256_by_instructions(std::array<std::uint32_t, 8>& state,
                                                                        const std::array<std::uint32_t, 64>& round,
                                                                        const unsigned char* p, std::size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abef = _mm_set_epi32(static_cast<int>(state[0]), static_cast<int>(state[1]), static_cast<int>(state[4]),
                               static_cast<int>(state[5]));
  __m128i cdgh = _mm_set_epi32(static_cast<int>(state[2]), static_cast<int>(state[3]), static_cast<int>(state[6]),
                               static_cast<int>(state[7]));
  for (; blocks > 0; --blocks, p += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i)), big_endian);
    for (std::size_t group = 0; group < 16; ++group) {
      const __m128i now = w[group % 4];
      __m128i sum = _mm_add_epi32(now, _mm_loadu_si128(reinterpret_cast<const __m128i*>(round.data() + 4 * group)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      sum = _mm_shuffle_epi32(sum, 0x0e);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, sum);
      if (group >= 12) continue;
      // w[t] = s1(w[t-2]) + w[t-7] + s0(w[t-15]) + w[t-16], four at a time, over the group that has just been used.
      const __m128i next = w[(group + 1) % 4], after = w[(group + 2) % 4], last = w[(group + 3) % 4];
      const __m128i t7 = _mm_alignr_epi8(last, after, 4);
      w[group % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(now, next), t7), last);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  alignas(16) std::uint32_t high[4], low[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(high), abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(low), cdgh);
  state = {high[3], high[2], low[3], low[2], high[1], high[0], low[1], low[0]};
}

#else

bool has_sha256_instructions() { return false; }
void sha256_by_instructions(std::array<std::uint32_t, 8>&, const std::array<std::uint32_t, 64>&, const unsigned char*,
                            std::size_t) {}

#endif

}  // namespace vitrine
