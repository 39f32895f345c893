// JPEG: libjpeg-turbo behind our source of bytes, our limits and our choice of rows.
#include "tests/fuzz/picture_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vitrine::testing::decode_or_refuse(
      "\xff\xd8\xff" + std::string(reinterpret_cast<const char*>(data) + (size < 3 ? size : 3), size < 3 ? 0 : size - 3));
  return 0;
}
