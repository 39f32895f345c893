// Tanh, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void tanh_forward(std::span<const T> x, std::span<T> y) {
  using std::tanh;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = tanh(x[i]);
}

template <class T>
void tanh_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  using std::tanh;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T y = tanh(x[i]);
    dx[i] = dy[i] * (T(1) - y * y);
  }
}

}  // namespace vitrine::reference
