// Hard swish, the definition, over any number type.
#pragma once

#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void hard_swish_forward(std::span<const T> x, std::span<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T line = x[i] + T(3) < T(0) ? T(0) : x[i] + T(3);  // NaN stays NaN
    y[i] = x[i] * (line > T(6) ? T(6) : line) / T(6);
  }
}

template <class T>
void hard_swish_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  for (std::size_t i = 0; i < x.size(); ++i)
    dx[i] = x[i] >= T(3) ? dy[i] : x[i] <= T(-3) ? T(0) : dy[i] * (T(2) * x[i] + T(3)) / T(6);
}

}  // namespace vitrine::reference
