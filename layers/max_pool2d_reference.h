// Max pooling, the definition, over any number type.
#pragma once

#include <span>

#include "layers/kernels/conv_shape.h"

namespace vitrine::reference {

// Where in x the maximum of window (p, q) lies.
template <class T>
std::size_t window_maximum(const ConvShape& z, std::span<const T> x, std::int64_t n, std::int64_t p, std::int64_t q,
                           std::int64_t c) {
  bool any = false;
  std::size_t best = 0;
  for (std::int64_t r = 0; r < z.R; ++r)
    for (std::int64_t s = 0; s < z.S; ++s) {
      const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
      if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
      const auto at = static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c);
      const bool is_nan = !(x[at] <= x[at]), best_is_nan = any && !(x[best] <= x[best]);
      if (!any || x[at] > x[best] || (is_nan && !best_is_nan)) best = at;
      any = true;
    }
  return best;
}

template <class T>
void max_pool2d_forward(const ConvShape& z, std::span<const T> x, std::span<T> y) {
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t p = 0; p < z.P; ++p)
      for (std::int64_t q = 0; q < z.Q; ++q)
        for (std::int64_t c = 0; c < z.C; ++c)
          y[static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.C + c)] = x[window_maximum(z, x, n, p, q, c)];
}

template <class T>
void max_pool2d_backward(const ConvShape& z, std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  for (T& d : dx) d = T(0);
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t p = 0; p < z.P; ++p)
      for (std::int64_t q = 0; q < z.Q; ++q)
        for (std::int64_t c = 0; c < z.C; ++c)
          dx[window_maximum(z, x, n, p, q, c)] += dy[static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.C + c)];
}

}  // namespace vitrine::reference
