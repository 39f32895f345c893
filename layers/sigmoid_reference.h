// Sigmoid, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void sigmoid_forward(std::span<const T> x, std::span<T> y) {
  using std::exp;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = T(1) / (T(1) + exp(-x[i]));
}

template <class T>
void sigmoid_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  using std::exp;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T y = T(1) / (T(1) + exp(-x[i]));
    dx[i] = dy[i] * y * (T(1) - y);
  }
}

}  // namespace vitrine::reference
