// Writes protocol-buffer messages: the encoding that ONNX files use. Writing only; nothing is ever parsed with it.
//
// Encoding   a field is the varint (number << 3 | wire type), then its value: 0 a varint, 2 a varint length and that many bytes,
//            5 four little-endian bytes
// Reference  https://protobuf.dev/programming-guides/encoding
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace vitrine {

class ProtobufMessage {
 public:
  // Negative numbers take ten bytes, as int64 fields do.
  void integer(std::uint32_t field, std::int64_t value) {
    varint(std::uint64_t{field} << 3);
    varint(static_cast<std::uint64_t>(value));
  }
  void real(std::uint32_t field, float value) {
    varint(std::uint64_t{field} << 3 | 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xff);
  }
  void string(std::uint32_t field, std::string_view value) {
    varint(std::uint64_t{field} << 3 | 2);
    varint(value.size());
    bytes_ += value;
  }
  void message(std::uint32_t field, const ProtobufMessage& value) { string(field, value.bytes_); }
  // A repeated integer field, unpacked: every reader accepts it.
  void integers(std::uint32_t field, std::span<const std::int64_t> values) {
    for (const std::int64_t value : values) integer(field, value);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace vitrine
