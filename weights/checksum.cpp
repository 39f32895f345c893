#include "weights/checksum.h"

#include <algorithm>
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

// All of `bytes`: whole rounds of three words, or what is left at the end.
void plain_absorb(Sums& sums, std::string_view bytes) {
  for (std::size_t at = 0, which = 0; at < bytes.size(); at += 8, which = (which + 1) % 3)
    sums[which] = crc32c(as_bytes(word_at(bytes, at)), sums[which]);
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) void fast_absorb(Sums& sums, std::string_view bytes) {
  // Of 32 bits; all ones before and after, as crc32c has it.
  std::uint64_t a = ~sums[0], b = ~sums[1], c = ~sums[2];
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 24; left -= 24, at += 24) {
    std::uint64_t words[3];
    std::memcpy(words, at, sizeof words);
    a = _mm_crc32_u64(a, words[0]);
    b = _mm_crc32_u64(b, words[1]);
    c = _mm_crc32_u64(c, words[2]);
  }
  sums = {~static_cast<std::uint32_t>(a), ~static_cast<std::uint32_t>(b), ~static_cast<std::uint32_t>(c)};
  plain_absorb(sums, {at, left});
}

bool has_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }

#else

void fast_absorb(Sums& sums, std::string_view bytes) { plain_absorb(sums, bytes); }
bool has_instruction() { return false; }

#endif

void absorb(Sums& sums, std::string_view bytes) {
  static const bool fast = has_instruction();
  if (fast) {
    fast_absorb(sums, bytes);
  } else {
    plain_absorb(sums, bytes);
  }
}

}  // namespace

void Checksum::update(std::string_view bytes) {
  length_ += bytes.size();
  if (pending_bytes_ > 0) {
    const std::size_t more = std::min(kRound - pending_bytes_, bytes.size());
    std::copy_n(bytes.data(), more, pending_.data() + pending_bytes_);
    pending_bytes_ += more;
    bytes.remove_prefix(more);
    if (pending_bytes_ < kRound) return;
    absorb(sums_, {pending_.data(), kRound});
  }
  const std::size_t whole = bytes.size() / kRound * kRound;
  absorb(sums_, bytes.substr(0, whole));
  pending_bytes_ = bytes.size() - whole;
  std::copy_n(bytes.data() + whole, pending_bytes_, pending_.data());
}

std::string Checksum::hex() {
  absorb(sums_, {pending_.data(), pending_bytes_});
  std::string out;
  for (std::uint32_t& sum : sums_) {
    sum = crc32c(as_bytes(length_), sum);
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[sum >> shift & 15];
  }
  return out;
}

std::string checksum(std::string_view bytes) {
  Checksum sum;
  sum.update(bytes);
  return sum.hex();
}

}  // namespace vitrine
