#include "weights/tensor_name.h"

#include <cstdint>

namespace vitrine {
namespace {

// RFC 3629: shortest form, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto lead = static_cast<unsigned char>(s[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 0x6 ? 2 : lead >> 4 == 0xe ? 3 : lead >> 3 == 0x1e ? 4 : 0;
    if (length == 0 || length > s.size() - i) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(s[i + k]);
      if (next >> 6 != 0x2) return false;
      point = point << 6 | (next & 0x3fu);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kSmallest[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += length;
  }
  return true;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string_view tensor_name_flaw(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > 512) return "is longer than 512 bytes";
  for (const char c : name) {
    if (is_control(c)) return "has a control character";
  }
  return is_utf8(name) ? std::string_view() : "is not valid UTF-8";
}

std::string printable(std::string_view name) {
  std::string out(name.substr(0, 64));
  for (char& c : out) {
    if (is_control(c) || static_cast<unsigned char>(c) > 0x7f) c = '?';
  }
  return out;
}

}  // namespace vitrine
