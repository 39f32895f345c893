// SHA-256 (FIPS 180-4), as lower-case hexadecimal: by the processor's own instructions where it has them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace vitrine {

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  std::string hex();  // ends the message; call once

 private:
  void blocks(const unsigned char* p, std::size_t count);  // of 64 bytes

  std::array<std::uint32_t, 8> state_;
  std::array<unsigned char, 64> pending_{};
  std::uint64_t length_ = 0;
};

std::string sha256(std::string_view bytes);

}  // namespace vitrine
