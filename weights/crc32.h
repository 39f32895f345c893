// CRC-32 as zip archives use it: polynomial 0x04c11db7, reflected, all ones before and after.
//
// Reference  PKWARE APPNOTE 6.3.10, section 4.4.7; ISO 3309. Sixty-four bytes a step by products of polynomials where the
//            processor has them, else eight by tables: Kounavis, Berry 2005.
#pragma once

#include <cstdint>
#include <string_view>

namespace vitrine {

// `before`: the CRC-32 of the bytes that come before these.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);  // crc32("123456789") == 0xcbf43926
// CRC-32C, polynomial 0x1edc6f41: TensorFlow's. RFC 3720, appendix B.4; crc32c("123456789") == 0xe3069283.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace vitrine
