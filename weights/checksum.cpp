#include "weights/checksum.h"

#include <array>
#include <cstring>

#include "weights/crc32.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace vitrine {
namespace {

using Sums = std::array<std::uint32_t, 3>;

std::string_view as_bytes(const std::uint64_t& word) { return {reinterpret_cast<const char*>(&word), sizeof word}; }

// The word at `at`, with zeros behind the end.
std::uint64_t word_at(std::string_view bytes, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, std::min(sizeof word, bytes.size() - at));
  return word;
}

Sums plain_sums(std::string_view bytes) {
  Sums sums{};
  std::size_t at = 0, which = 0;
  for (; at < bytes.size(); at += 8, which = (which + 1) % 3) sums[which] = crc32c(as_bytes(word_at(bytes, at)), sums[which]);
  const std::uint64_t count = bytes.size();
  for (std::uint32_t& sum : sums) sum = crc32c(as_bytes(count), sum);
  return sums;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) Sums fast_sums(std::string_view bytes) {
  std::uint64_t a = ~0u, b = ~0u, c = ~0u;  // of 32 bits; all ones before and after, as crc32c has it
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 24; left -= 24, at += 24) {
    std::uint64_t words[3];
    std::memcpy(words, at, sizeof words);
    a = _mm_crc32_u64(a, words[0]);
    b = _mm_crc32_u64(b, words[1]);
    c = _mm_crc32_u64(c, words[2]);
  }
  std::uint64_t* const sums[] = {&a, &b, &c};
  for (std::size_t i = 0; 8 * i < left; ++i) *sums[i] = _mm_crc32_u64(*sums[i], word_at({at, left}, 8 * i));
  for (std::uint64_t* const sum : sums) *sum = _mm_crc32_u64(*sum, bytes.size());
  return {~static_cast<std::uint32_t>(a), ~static_cast<std::uint32_t>(b), ~static_cast<std::uint32_t>(c)};
}

bool has_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }

#else

Sums fast_sums(std::string_view bytes) { return plain_sums(bytes); }
bool has_instruction() { return false; }

#endif

}  // namespace

std::string checksum(std::string_view bytes) {
  static const bool fast = has_instruction();
  std::string out;
  for (const std::uint32_t sum : fast ? fast_sums(bytes) : plain_sums(bytes)) {
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[sum >> shift & 15];
  }
  return out;
}

}  // namespace vitrine
