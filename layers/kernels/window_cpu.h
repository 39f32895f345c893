// Which outputs of a convolution have a given tap inside the image, and its windows as the left factor of a product, for kernels.
#pragma once

#include <cstdint>

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/packed_cpu.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

// First and one past the last q whose input column q * stride + offset lies inside 0 .. size.
struct Range {
  std::int64_t first, last;
};
static inline Range inside(std::int64_t outputs, std::int64_t stride, std::int64_t offset, std::int64_t size) {
  std::int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
  std::int64_t last = size > offset ? (size - offset - 1) / stride + 1 : 0;
  if (last > outputs) last = outputs;
  if (first > last) first = last;
  return {first, last};
}

// Columns of an input row with the padding that windows reach.
static inline std::int64_t padded_columns(const ConvShape& z) {
  const std::int64_t reach = (z.Q - 1) * z.stride + z.S, map = z.padding.left + z.W;
  return reach > map ? reach : map;
}

// The windows of output row p of image n, in a copy of the R input rows with their padding: room [R][padded_columns][C].
static inline LeftRows window_rows(const ConvShape& z, const float* x, std::int64_t n, std::int64_t p, float* room) {
  const std::int64_t row = padded_columns(z) * z.C, before = z.padding.left * z.C, width = z.W * z.C;
  const auto fill = [](float* to, std::int64_t count) {
    __builtin_memset(to, 0, static_cast<std::size_t>(count) * sizeof(float));
  };
  for (std::int64_t r = 0; r < z.R; ++r) {
    const std::int64_t h = p * z.stride + r - z.padding.top;
    float* const to = room + r * row;
    if (h < 0 || h >= z.H) {
      fill(to, row);
      continue;
    }
    fill(to, before);
    __builtin_memcpy(to + before, x + (n * z.H + h) * width, static_cast<std::size_t>(width) * sizeof(float));
    fill(to + before + width, row - before - width);
  }
  return {room, z.stride * z.C, z.S * z.C, row};
}

}  // namespace vitrine::kernels::VITRINE_ISA
