// A convolution's windows as rows of a product, for the CUDA back end: zeros outside the image change no sum.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/gemm_cuda.h"
#include "tensor/bfloat16.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

// i = (outer * rows + row) * columns + column. Indices fit into 32 bits, whose division is cheap.
struct Place {
  std::int64_t outer, row, column;
  VITRINE_HD Place(std::int64_t i, std::int64_t rows, std::int64_t columns) {
    const auto index = static_cast<std::uint32_t>(i), width = static_cast<std::uint32_t>(columns),
               height = static_cast<std::uint32_t>(rows);
    const std::uint32_t line = index / width, block = line / height;
    outer = block, row = line - block * height, column = index - line * width;
  }
};

// (output pixel, term (tap, channel)) of x [N, H, W, C].
template <class Stored>
struct Windows {
  ConvShape z;
  const Stored* x;

  VITRINE_HD float operator()(std::int64_t pixel, std::int64_t term) const {
    const Place from(pixel, z.P, z.Q), to(term, z.S, z.C);  // r, s, c are in the places of n, p, q
    const std::int64_t h = from.row * z.stride + to.outer - z.padding.top, v = from.column * z.stride + to.row - z.padding.left;
    return h < 0 || h >= z.H || v < 0 || v >= z.W ? 0.0f : value_at(x + ((from.outer * z.H + h) * z.W + v) * z.C + to.column);
  }
};
template <class Stored>
Windows(ConvShape, const Stored*) -> Windows<Stored>;

// (input pixel, term (tap, output channel)) of dy [N, P, Q, K]: the outputs that a tap of this pixel went into.
template <class Stored>
struct OutputWindows {
  ConvShape z;
  const Stored* dy;

  VITRINE_HD float operator()(std::int64_t pixel, std::int64_t term) const {
    const Place from(pixel, z.H, z.W), to(term, z.S, z.K);
    const std::int64_t up = from.row + z.padding.top - to.outer, left = from.column + z.padding.left - to.row;
    if (up < 0 || left < 0 || up % z.stride != 0 || left % z.stride != 0) return 0.0f;
    const std::int64_t p = up / z.stride, q = left / z.stride;
    return p >= z.P || q >= z.Q ? 0.0f : value_at(dy + ((from.outer * z.P + p) * z.Q + q) * z.K + to.column);
  }
};
template <class Stored>
OutputWindows(ConvShape, const Stored*) -> OutputWindows<Stored>;

}  // namespace vitrine::cuda
