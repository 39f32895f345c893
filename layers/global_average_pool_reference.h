// Global average pooling, the definition, over any number type.
#pragma once

#include <cstdint>
#include <span>

namespace vitrine::reference {

template <class T>
void global_average_pool_forward(std::int64_t N, std::int64_t pixels, std::int64_t C, std::span<const T> x, std::span<T> y) {
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t c = 0; c < C; ++c) {
      T sum(0);
      for (std::int64_t p = 0; p < pixels; ++p) sum = sum + x[static_cast<std::size_t>((n * pixels + p) * C + c)];
      y[static_cast<std::size_t>(n * C + c)] = sum / T(static_cast<double>(pixels));
    }
}

template <class T>
void global_average_pool_backward(std::int64_t N, std::int64_t pixels, std::int64_t C, std::span<const T> dy, std::span<T> dx) {
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t c = 0; c < C; ++c) {
        dx[static_cast<std::size_t>((n * pixels + p) * C + c)] =
            dy[static_cast<std::size_t>(n * C + c)] / T(static_cast<double>(pixels));
      }
}

}  // namespace vitrine::reference
