// GELU, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void gelu_forward(std::span<const T> x, std::span<T> y) {
  using std::erf, std::sqrt;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * T(0.5) * (T(1) + erf(x[i] / sqrt(T(2))));
}

template <class T>
void gelu_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  using std::erf, std::exp, std::sqrt;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T share = T(0.5) * (T(1) + erf(x[i] / sqrt(T(2)))), density = exp(T(-0.5) * x[i] * x[i]) / sqrt(T(2 * M_PI));
    dx[i] = dy[i] * (share + x[i] * density);
  }
}

}  // namespace vitrine::reference
