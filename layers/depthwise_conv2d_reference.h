// Depthwise convolution, the definition: the sums in their canonical order, over any number type.
#pragma once

#include <span>

#include "layers/conv2d_reference.h"

namespace vitrine::reference {

template <class T>
void depthwise_conv2d_forward(const ConvShape& z, std::span<const T> x, std::span<const T> w, std::span<T> y) {
  using std::fma;
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t p = 0; p < z.P; ++p)
      for (std::int64_t q = 0; q < z.Q; ++q)
        for (std::int64_t c = 0; c < z.C; ++c) {
          T sum(0);
          for (std::int64_t r = 0; r < z.R; ++r)
            for (std::int64_t s = 0; s < z.S; ++s) {
              const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
              if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
              sum = fma(x[static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c)],
                        w[static_cast<std::size_t>((r * z.S + s) * z.C + c)], sum);
            }
          y[static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.C + c)] = sum;
        }
}

template <class T>
void depthwise_conv2d_backward_data(const ConvShape& z, std::span<const T> dy, std::span<const T> w, std::span<T> dx) {
  using std::fma;
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t h = 0; h < z.H; ++h)
      for (std::int64_t v = 0; v < z.W; ++v)
        for (std::int64_t c = 0; c < z.C; ++c) {
          T sum(0);
          for (std::int64_t r = 0; r < z.R; ++r)
            for (std::int64_t s = 0; s < z.S; ++s) {
              const std::int64_t up = h + z.padding.top - r, left = v + z.padding.left - s;
              if (up < 0 || left < 0 || up % z.stride != 0 || left % z.stride != 0) continue;
              const std::int64_t p = up / z.stride, q = left / z.stride;
              if (p >= z.P || q >= z.Q) continue;
              sum = fma(dy[static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.C + c)],
                        w[static_cast<std::size_t>((r * z.S + s) * z.C + c)], sum);
            }
          dx[static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c)] = sum;
        }
}

template <class T>
void depthwise_conv2d_backward_weights(const ConvShape& z, std::span<const T> x, std::span<const T> dy, std::span<T> dw) {
  for (std::int64_t r = 0; r < z.R; ++r)
    for (std::int64_t s = 0; s < z.S; ++s)
      for (std::int64_t c = 0; c < z.C; ++c) {
        LongSum<T> sum;
        for (std::int64_t n = 0; n < z.N; ++n)
          for (std::int64_t p = 0; p < z.P; ++p)
            for (std::int64_t q = 0; q < z.Q; ++q) {
              const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
              if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
              const std::int64_t pixel = (n * z.P + p) * z.Q + q;
              sum.add(pixel, x[static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c)],
                      dy[static_cast<std::size_t>(pixel * z.C + c)]);
            }
        dw[static_cast<std::size_t>((r * z.S + s) * z.C + c)] = sum.sum(z.N * z.P * z.Q);
      }
}

}  // namespace vitrine::reference
