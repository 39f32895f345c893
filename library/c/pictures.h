// Pictures that the caller of vitrine_c.h has in memory or in a file, as the square that a network sees.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "data/photograph.h"

namespace vitrine::c {

inline constexpr std::int64_t kMostPixels = 64'000'000;

// Three bytes a pixel, rows `stride` bytes apart, rows * columns <= kMostPixels.
Photograph picture_of(const std::uint8_t* rgb, std::int64_t rows, std::int64_t columns, std::size_t stride,
                      const PhotographRequest& request);

// A JPEG or PNG. DataError says why it is refused; Error where this build has no decoders.
Photograph picture_of(std::string_view bytes, const PhotographRequest& request);
Photograph picture_of_file(const std::filesystem::path& path, const PhotographRequest& request);

}  // namespace vitrine::c
