// Photographs from disk as network inputs: PNG and JPEG, bounded before anything is decoded.
#pragma once

#include <filesystem>
#include <string>

#include "data/resize.h"

namespace vitrine {

struct PhotographRequest {
  std::int64_t resize = 256;  // pixels of the shorter side
  std::int64_t crop = 224;    // of the central square
  Filter filter = Filter::bicubic;
  bool sandbox = true;  // decode in a process of its own
};

struct Photograph {
  ByteImage image;                     // the central square, RGB; grey has three equal channels
  std::int64_t height = 0, width = 0;  // of the whole picture, as it is looked at
  std::string note;                    // what was done besides: "turned as its EXIF orientation 6 says"; empty when nothing was
};

// DataError for a missing file, one over 256 MiB, one that is not a PNG or JPEG, one of over 64 million pixels, and one that cannot be
// decoded.
Photograph read_photograph(const std::filesystem::path& path, const PhotographRequest& request);

}  // namespace vitrine
