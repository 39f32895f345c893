#include "weights/crc32.h"

#include <array>

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

constexpr Tables kZip = make_tables(0xedb88320u), kCastagnoli = make_tables(0x82f63b78u);  // bits reversed

std::uint32_t checksum(const Tables& tables, std::string_view bytes, std::uint32_t before) {
  std::uint32_t r = ~before;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint32_t next = 0;
    for (unsigned i = 0; i < 4; ++i) next ^= tables[7 - i][at[i] ^ (r >> (8 * i) & 0xffu)] ^ tables[3 - i][at[4 + i]];
    r = next;
  }
  for (; left > 0; --left, ++at) r = (r >> 8) ^ tables[0][(r ^ *at) & 0xffu];
  return ~r;
}

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) { return checksum(kZip, bytes, before); }
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) { return checksum(kCastagnoli, bytes, before); }

}  // namespace vitrine
