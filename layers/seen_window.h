// The window of a convolution or a pooling op, read off what its node shows.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "layers/shadow.h"

namespace vitrine {

// x [N, H, W, C], y [N, P, Q, K], a window of R x S taps.
inline ConvShape seen_window(const SeenOp& op, const Shape& x, const Shape& y, std::int64_t R, std::int64_t S) {
  const auto whole = [&](std::string_view name) { return static_cast<std::int64_t>(op.number(name)); };
  return {x[0],
          x[1],
          x[2],
          x[3],
          R,
          S,
          y[3],
          y[1],
          y[2],
          whole("stride"),
          {whole("top"), whole("left"), whole("bottom"), whole("right")}};
}

// A pixel of an image [N, height, width] by its flat index.
struct Pixel {
  std::int64_t n, row, column;

  Pixel(std::int64_t index, std::int64_t height, std::int64_t width)
      : n(index / (height * width)), row(index / width % height), column(index % width) {}
};

// use(tap, pixel of x) for the taps of output pixel `at` that lie inside the image; tap = r S + s ascending.
template <class Use>
void for_taps(const ConvShape& z, const Pixel& at, const Use& use) {
  for (std::int64_t r = 0; r < z.R; ++r) {
    const std::int64_t h = at.row * z.stride + r - z.padding.top;
    if (h < 0 || h >= z.H) continue;
    for (std::int64_t s = 0; s < z.S; ++s) {
      const std::int64_t v = at.column * z.stride + s - z.padding.left;
      if (v >= 0 && v < z.W) use(r * z.S + s, (at.n * z.H + h) * z.W + v);
    }
  }
}

// use(tap, pixel of y) for the outputs whose window has the input pixel `at`, by the tap at which it has it, ascending.
template <class Use>
void for_outputs(const ConvShape& z, const Pixel& at, const Use& use) {
  for (std::int64_t r = 0; r < z.R; ++r) {
    const std::int64_t up = at.row + z.padding.top - r;
    if (up < 0 || up % z.stride != 0 || up / z.stride >= z.P) continue;
    for (std::int64_t s = 0; s < z.S; ++s) {
      const std::int64_t left = at.column + z.padding.left - s;
      if (left < 0 || left % z.stride != 0 || left / z.stride >= z.Q) continue;
      use(r * z.S + s, (at.n * z.P + up / z.stride) * z.Q + left / z.stride);
    }
  }
}

}  // namespace vitrine
