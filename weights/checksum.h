// The checksum that Vitrine's own files carry for each tensor: three CRC-32C, each over every third word of eight bytes.
//
// Three at once because the processor's CRC instruction takes eight bytes a cycle but answers after three: a file is checked as fast as
// it is read. Every single flipped bit, and every burst of up to 32 bits, changes it; other damage goes unseen once in 2^32 or less. It guards against
// accidents, not against forgers: for those there is SHA-256 (`vitrine weights verify`).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine {

// 24 lower-case hexadecimal digits. Word i (little-endian, the last one filled up with zeros) goes into the CRC i mod 3; the number of bytes
// goes into all of them at the end.
std::string checksum(std::string_view bytes);

// The same of bytes that come in pieces, cut anywhere.
class Checksum {
 public:
  void update(std::string_view bytes);
  std::string hex();  // ends the message; call once

 private:
  using Sums = std::array<std::uint32_t, 3>;
  static constexpr std::size_t kRound = 24;  // bytes that go into all three sums once

  Sums sums_{};
  std::array<char, kRound> pending_{};
  std::size_t pending_bytes_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace vitrine
