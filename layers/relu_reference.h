// Relu, the definition, over any number type.
#pragma once

#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void relu_forward(std::span<const T> x, std::span<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] < T(0) ? T(0) : x[i];  // NaN stays NaN
}

template <class T>
void relu_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = x[i] > T(0) ? dy[i] : T(0);
}

}  // namespace vitrine::reference
