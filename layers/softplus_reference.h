// Softplus, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void softplus_forward(std::span<const T> x, std::span<T> y) {
  using std::exp, std::log;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] > T(0) ? x[i] + log(T(1) + exp(-x[i])) : log(T(1) + exp(x[i]));
}

template <class T>
void softplus_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  using std::exp;
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = dy[i] / (T(1) + exp(-x[i]));
}

}  // namespace vitrine::reference
