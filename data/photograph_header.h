// What a decoder learns of a picture besides its pixels.
#pragma once

#include <cstdint>

namespace vitrine {

// What a picture says of itself.
struct PictureHeader {
  std::int64_t height = 0, width = 0;  // as stored
  int orientation = 1;                 // 1 to 8 (data/exif.h)
  bool by_xmp = false;                 // who said so
};

// What was missing and could be done without.
struct PictureFlaws {
  bool no_end_mark = false;      // all rows were there
  bool damaged_behind = false;   // after all rows
  bool details_missing = false;  // a progressive file without its last scans, but with its end mark
};

inline constexpr std::int64_t kMaxPixels = 64'000'000;

}  // namespace vitrine
