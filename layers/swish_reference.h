// Swish, the definition: plain loops over any number type (float, double, dual numbers).
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void swish_forward(std::span<const T> x, std::span<T> y) {
  using std::exp;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T s = T(1) / (T(1) + exp(-x[i]));
    y[i] = x[i] * s;
  }
}

template <class T>
void swish_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  using std::exp;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T s = T(1) / (T(1) + exp(-x[i]));
    dx[i] = dy[i] * s * (T(1) + x[i] * (T(1) - s));  // assigns: the tape adds
  }
}

}  // namespace vitrine::reference
