// What the fuzz targets of pictures share: a picture is decoded or refused with a DataError; and the middle of a larger square is the
// smaller square, so rows and columns that are skipped change nothing.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/photograph_decode.h"

namespace vitrine::testing {

inline void decode_or_refuse(std::string_view bytes) {
  try {
    const ByteImage large = decode_photograph(PhotographBytes(bytes), {32, 32, Filter::bicubic}).image;
    const ByteImage small = decode_photograph(PhotographBytes(bytes), {32, 16, Filter::bicubic}).image;
    for (std::size_t y = 0; y < 16; ++y) {
      for (std::size_t x = 0; x < 16 * 3; ++x) {
        if (small.rgb[y * 16 * 3 + x] != large.rgb[(y + 8) * 32 * 3 + 8 * 3 + x]) std::abort();
      }
    }
  } catch (const DataError& error) {
    if (std::string(error.what()).size() < 10) std::abort();
  }
}

}  // namespace vitrine::testing
