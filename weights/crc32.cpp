#include "weights/crc32.h"

#include <array>

#if defined(__x86_64__)
#include <smmintrin.h>
#include <wmmintrin.h>
#endif

namespace vitrine {
namespace {

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[0][b] is the remainder of the byte b; tables[k][b] of b followed by k zero bytes.
constexpr Tables make_tables(std::uint32_t polynomial) {
  Tables tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t r = b;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1u) != 0 ? polynomial : 0u);
    tables[0][b] = r;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xffu];
  }
  return tables;
}

constexpr std::uint32_t kZipPolynomial = 0xedb88320u, kCastagnoliPolynomial = 0x82f63b78u;  // bits reversed
constexpr Tables kZip = make_tables(kZipPolynomial), kCastagnoli = make_tables(kCastagnoliPolynomial);

// The remainder `r` of what came before, with these bytes behind it.
std::uint32_t by_tables(const Tables& tables, const unsigned char* at, std::size_t left, std::uint32_t r) {
  for (; left >= 8; left -= 8, at += 8) {
    std::uint32_t next = 0;
    for (unsigned i = 0; i < 4; ++i) next ^= tables[7 - i][at[i] ^ (r >> (8 * i) & 0xffu)] ^ tables[3 - i][at[4 + i]];
    r = next;
  }
  for (; left > 0; --left, ++at) r = (r >> 8) ^ tables[0][(r ^ *at) & 0xffu];
  return r;
}

#if defined(__x86_64__)

// x^power modulo the polynomial of zip, bits reversed, and shifted by one as the product of two reversed numbers needs it.
constexpr long long folding_constant(int power) {
  std::uint32_t r = 0x80000000u;  // x^0
  for (int i = 0; i < power; ++i) r = (r >> 1) ^ ((r & 1u) != 0 ? kZipPolynomial : 0u);
  return static_cast<long long>(std::uint64_t{r} << 1);
}

__attribute__((target("pclmul,sse4.1"))) inline __m128i load(const unsigned char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// `x` moved on by as many bits as the two constants stand for, with the next 16 bytes added.
__attribute__((target("pclmul,sse4.1"))) inline __m128i folded(__m128i x, __m128i constants, __m128i next) {
  return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, constants, 0x00), _mm_clmulepi64_si128(x, constants, 0x11)), next);
}

// Four remainders of 128 bits at a time, each moved on by 512 bits a step and joined at the end; what is left is a message of 16 bytes with
// the same remainder. Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ, Intel 2009.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t by_products(const unsigned char* at, std::size_t left, std::uint32_t r) {
  const __m128i by_512 = _mm_set_epi64x(folding_constant(512 - 32), folding_constant(512 + 32));
  const __m128i by_128 = _mm_set_epi64x(folding_constant(128 - 32), folding_constant(128 + 32));
  __m128i a = _mm_xor_si128(load(at), _mm_cvtsi32_si128(static_cast<int>(r)));
  __m128i b = load(at + 16), c = load(at + 32), d = load(at + 48);
  for (at += 64, left -= 64; left >= 64; at += 64, left -= 64) {
    a = folded(a, by_512, load(at));
    b = folded(b, by_512, load(at + 16));
    c = folded(c, by_512, load(at + 32));
    d = folded(d, by_512, load(at + 48));
  }
  a = folded(folded(folded(a, by_128, b), by_128, c), by_128, d);
  for (; left >= 16; at += 16, left -= 16) a = folded(a, by_128, load(at));
  std::array<unsigned char, 16> rest{};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), a);
  return by_tables(kZip, at, left, by_tables(kZip, rest.data(), rest.size(), 0));
}

bool has_products() { return __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0; }

#else

std::uint32_t by_products(const unsigned char* at, std::size_t left, std::uint32_t r) { return by_tables(kZip, at, left, r); }
bool has_products() { return false; }

#endif

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  static const bool products = has_products();
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  return ~(products && bytes.size() >= 64 ? by_products(at, bytes.size(), ~before)
                                          : by_tables(kZip, at, bytes.size(), ~before));
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  return ~by_tables(kCastagnoli, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), ~before);
}

}  // namespace vitrine
