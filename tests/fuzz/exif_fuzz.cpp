// EXIF and XMP: whatever stands there, an orientation is one of 1 to 8 or none.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/exif.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::optional<int> found : {vitrine::exif_orientation(bytes), vitrine::xmp_orientation(bytes)}) {
    if (found && (*found < 1 || *found > 8)) std::abort();
  }
  return 0;
}
