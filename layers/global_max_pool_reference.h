// Global max pooling, the definition, over any number type.
#pragma once

#include <cstdint>
#include <span>

namespace vitrine::reference {

template <class T>
bool is_nan(const T& v) {
  return !(v < T(0)) && !(v > T(-1));
}

template <class T>
std::int64_t first_maximum(std::int64_t n, std::int64_t c, std::int64_t pixels, std::int64_t C, std::span<const T> x) {
  std::int64_t best = 0;
  for (std::int64_t p = 1; p < pixels; ++p) {
    const T value = x[static_cast<std::size_t>((n * pixels + p) * C + c)];
    const T largest = x[static_cast<std::size_t>((n * pixels + best) * C + c)];
    // A NaN is the maximum, as in PyTorch: it must not be passed over.
    if (value > largest || (is_nan(value) && !is_nan(largest))) best = p;
  }
  return best;
}

template <class T>
void global_max_pool_forward(std::int64_t N, std::int64_t pixels, std::int64_t C, std::span<const T> x, std::span<T> y) {
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t c = 0; c < C; ++c) {
      y[static_cast<std::size_t>(n * C + c)] =
          x[static_cast<std::size_t>((n * pixels + first_maximum(n, c, pixels, C, x)) * C + c)];
    }
}

template <class T>
void global_max_pool_backward(std::int64_t N, std::int64_t pixels, std::int64_t C, std::span<const T> x, std::span<const T> dy,
                              std::span<T> dx) {
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t c = 0; c < C; ++c) {
      const std::int64_t best = first_maximum(n, c, pixels, C, x);
      for (std::int64_t p = 0; p < pixels; ++p) {
        dx[static_cast<std::size_t>((n * pixels + p) * C + c)] = p == best ? dy[static_cast<std::size_t>(n * C + c)] : T(0);
      }
    }
}

}  // namespace vitrine::reference
