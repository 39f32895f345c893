#include "weights/tensor_name.h"

#include "base/printable.h"

namespace vitrine {
namespace {

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

}  // namespace vitrine
