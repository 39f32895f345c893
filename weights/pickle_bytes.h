// The bytes of a pickle with a position that moves; every read is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "weights/checked.h"

namespace vitrine {

class PickleBytes {
 public:
  // `where` and `first_byte` as read_pickle has them.
  PickleBytes(std::string_view bytes, std::string_view where, std::uint64_t first_byte)
      : bytes_(bytes), where_(where), first_byte_(first_byte) {}

  // Names the byte at which the opcode in work begins.
  [[noreturn]] void refuse(const std::string& flaw) const {
    throw WeightsError(text(where_, ": pickle refused at byte ", first_byte_ + opcode_at_, ": ", flaw));
  }

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  unsigned char opcode() {
    opcode_at_ = at_;
    return byte();
  }
  std::string_view take(std::uint64_t count) {
    if (count > left()) refuse(text("it is cut off: ", count, " more bytes are expected, ", left(), " are left"));
    at_ += static_cast<std::size_t>(count);
    return bytes_.substr(at_ - static_cast<std::size_t>(count), static_cast<std::size_t>(count));
  }
  template <class T>
  T number() {
    return load_little_endian<T>(take(sizeof(T)).data());
  }
  unsigned char byte() { return number<unsigned char>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::string_view line() {
    const std::size_t length = bytes_.substr(at_, 256).find('\n');
    if (length == std::string_view::npos) refuse("a name without an end within 256 bytes");
    return take(length + 1).substr(0, length);
  }

 private:
  std::string_view bytes_, where_;
  std::uint64_t first_byte_;
  std::size_t at_ = 0, opcode_at_ = 0;
};

}  // namespace vitrine
