// Which outputs of a convolution have a given tap inside the image, and windows as rows of a matrix, for kernels.
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

static inline void copy_floats(const float* from, std::int64_t n, float* to) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, load(from + i));
  if (i < n) store_partial(to + i, load_partial(from + i, static_cast<int>(n - i)), static_cast<int>(n - i));
}

// The windows of outputs q0 .. q1 of row p of image n as rows [q1 - q0][R S C]; zeros where a window leaves the image.
static inline void windows(const ConvShape& z, const float* x, std::int64_t n, std::int64_t p, std::int64_t q0, std::int64_t q1,
                           float* rows) {
  const std::int64_t width = z.R * z.S * z.C, taps = z.S * z.C;
  for (std::int64_t q = q0; q < q1; ++q) {
    const std::int64_t v = q * z.stride - z.padding.left, first = v < 0 ? -v : 0, last = z.S < z.W - v ? z.S : z.W - v;
    float* to = rows + (q - q0) * width;
    const bool whole = first == 0 && last == z.S;
    for (std::int64_t r = 0; r < z.R; ++r, to += taps) {
      const std::int64_t h = p * z.stride + r - z.padding.top;
      const bool inside = h >= 0 && h < z.H;
      if (!inside || !whole) __builtin_memset(to, 0, static_cast<std::size_t>(taps) * sizeof(float));
      if (inside && first < last)
        copy_floats(x + ((n * z.H + h) * z.W + v + first) * z.C, (last - first) * z.C, to + first * z.C);
    }
  }
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
