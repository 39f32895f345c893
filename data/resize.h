// Photographs to network inputs: shorter-side resize and centre crop as Pillow and torchvision do.
//
// Resize     separable; bilinear, or bicubic with a = -0.5, the support widened by the scale when shrinking (antialiased); rows
//            first, then columns, each pass rounded to 8 bits
// Reference  Keys 1981, doi 10.1109/TASSP.1981.1163711; Pillow's Image.resize
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine {

struct ByteImage {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> rgb;  // height * width * 3
};

enum class Filter { bilinear, bicubic };

// ShapeError unless both sizes are positive.
ByteImage resize(const ByteImage& image, std::int64_t height, std::int64_t width, Filter filter);

// Resizes so that the shorter side is `resized` pixels (the other one rounded half to even), then cuts the central crop x crop
// square, an odd pixel left after it. torchvision truncates the longer side instead, which can be one pixel. ShapeError when the crop does not fit.
ByteImage resize_and_crop(const ByteImage& image, std::int64_t resized, std::int64_t crop, Filter filter);

Tensor to_unit_range(const ByteImage& image);  // [H, W, 3], values / 255

}  // namespace vitrine
