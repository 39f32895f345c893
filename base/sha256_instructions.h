// The compression function of SHA-256 by the SHA extensions of x86 processors (2016 and later): the same digest, some six times as fast.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vitrine {

bool has_sha256_instructions();
// `round`: the 64 constants of FIPS 180-4, 4.2.2. Only where has_sha256_instructions().
void sha256_by_instructions(std::array<std::uint32_t, 8>& state, const std::array<std::uint32_t, 64>& round,
                            const unsigned char* p, std::size_t blocks);

}  // namespace vitrine
