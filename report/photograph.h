// Photographs from disk: PNG and JPEG through stb_image, bounded before anything is decoded.
#pragma once

#include <filesystem>

#include "report/png.h"

namespace vitrine::report {

// RGB, 8 bits; grey becomes three equal channels, alpha is dropped. DataError for a missing file, one over 256 MiB, one that is
// not a PNG or JPEG, one of over 64 million pixels, and one that cannot be decoded.
Picture read_photograph(const std::filesystem::path& path);

}  // namespace vitrine::report
