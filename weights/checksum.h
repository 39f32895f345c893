// The checksum that Vitrine's own files carry for each tensor: three CRC-32C, each over every third word of eight bytes.
//
// Three at once because the processor's CRC instruction takes eight bytes a cycle but answers after three: a file is checked as fast as
// it is read. Every single flipped bit, and every burst of up to 32 bits, changes it; other damage goes unseen once in 2^32 or less. It guards against
// accidents, not against forgers: for those there is SHA-256 (`vitrine weights verify`).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine {

// 24 lower-case hexadecimal digits. Word i (little-endian, the last one filled up with zeros) goes into the CRC i mod 3; the number of bytes
// goes into all of them at the end.
std::string checksum(std::string_view bytes);

}  // namespace vitrine
