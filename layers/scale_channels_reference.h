// Scale channels, the definition, over any number type.
#pragma once

#include <cstdint>
#include <span>

namespace vitrine::reference {

template <class T>
void scale_channels_forward(std::int64_t N, std::int64_t pixels, std::int64_t C, std::span<const T> x, std::span<const T> s,
                            std::span<T> y) {
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t c = 0; c < C; ++c) {
        const auto i = static_cast<std::size_t>((n * pixels + p) * C + c);
        y[i] = x[i] * s[static_cast<std::size_t>(n * C + c)];
      }
}

template <class T>
void scale_channels_backward(std::int64_t N, std::int64_t pixels, std::int64_t C, std::span<const T> x, std::span<const T> s,
                             std::span<const T> dy, std::span<T> dx, std::span<T> ds) {
  scale_channels_forward<T>(N, pixels, C, dy, s, dx);
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t c = 0; c < C; ++c) {
      T sum(0);
      for (std::int64_t p = 0; p < pixels; ++p) {
        const auto i = static_cast<std::size_t>((n * pixels + p) * C + c);
        sum = sum + dy[i] * x[i];
      }
      ds[static_cast<std::size_t>(n * C + c)] = sum;
    }
}

}  // namespace vitrine::reference
