// PNG through stb_image_write: 8-bit grey or RGB, from memory to memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine::report {

struct Picture {
  int width = 0;
  int height = 0;
  int channels = 1;                  // 1 grey, 3 RGB
  std::vector<std::uint8_t> pixels;  // row-major, interleaved
};

std::string png_bytes(const Picture& picture);

// A grey picture of values in [0, 1] (clipped), each pixel repeated `zoom` times in both directions.
Picture grey_picture(const float* values, int width, int height, int zoom);

// Pictures of one height side by side with `gap` white pixels between them.
Picture side_by_side(const std::vector<Picture>& pictures, int gap);

}  // namespace vitrine::report
