// PNG: our reader of chunks, and libpng behind it. Checksums are made to fit, so that what they protect is reached.
#include "tests/fuzz/picture_fuzz.h"
#include "weights/crc32.h"

namespace {

void mend_checksums(std::string& png) {
  for (std::size_t at = 8; at + 12 <= png.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(png[at + i]);
    if (length > png.size() - at - 12) return;
    const std::uint32_t sum = vitrine::crc32(std::string_view(png).substr(at + 4, 4 + length));
    for (std::size_t i = 0; i < 4; ++i) png[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += length + 12;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes =
      "\x89PNG\r\n\x1a\n" + std::string(reinterpret_cast<const char*>(data) + (size < 8 ? size : 8), size < 8 ? 0 : size - 8);
  vitrine::testing::decode_or_refuse(bytes);
  mend_checksums(bytes);
  vitrine::testing::decode_or_refuse(bytes);
  return 0;
}
