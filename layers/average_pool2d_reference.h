// Average pooling, the definition: the sums in their canonical order, over any number type.
#pragma once

#include <span>
#include <vector>

#include "layers/kernels/conv_shape.h"

namespace vitrine::reference {

// visit(where in x, where in y, taps inside the image) for every tap inside the image, in row-major order of windows and taps.
template <class Visit>
void each_pooled_tap(const ConvShape& z, Visit visit) {
  const auto inside = [](std::int64_t at, std::int64_t size) { return at >= 0 && at < size; };
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t p = 0; p < z.P; ++p)
      for (std::int64_t q = 0; q < z.Q; ++q)
        for (std::int64_t c = 0; c < z.C; ++c) {
          std::int64_t rows = 0, columns = 0;
          for (std::int64_t r = 0; r < z.R; ++r) rows += inside(p * z.stride + r - z.padding.top, z.H) ? 1 : 0;
          for (std::int64_t s = 0; s < z.S; ++s) columns += inside(q * z.stride + s - z.padding.left, z.W) ? 1 : 0;
          for (std::int64_t r = 0; r < z.R; ++r)
            for (std::int64_t s = 0; s < z.S; ++s) {
              const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
              if (!inside(h, z.H) || !inside(v, z.W)) continue;
              visit(static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c),
                    static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.C + c), rows * columns);
            }
        }
}

template <class T>
void average_pool2d_forward(const ConvShape& z, bool count_include_pad, std::span<const T> x, std::span<T> y) {
  for (T& v : y) v = T(0);
  std::vector<std::int64_t> counts(y.size());
  each_pooled_tap(z, [&](std::size_t from, std::size_t to, std::int64_t inside) {
    y[to] += x[from];
    counts[to] = count_include_pad ? z.R * z.S : inside;
  });
  for (std::size_t i = 0; i < y.size(); ++i) y[i] /= T(static_cast<float>(counts[i]));
}

template <class T>
void average_pool2d_backward(const ConvShape& z, bool count_include_pad, std::span<const T> dy, std::span<T> dx) {
  for (T& d : dx) d = T(0);
  each_pooled_tap(z, [&](std::size_t to, std::size_t from, std::int64_t inside) {
    dx[to] += dy[from] / T(static_cast<float>(count_include_pad ? z.R * z.S : inside));
  });
}

}  // namespace vitrine::reference
