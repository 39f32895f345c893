// Leaky ReLU, the definition, over any number type.
#pragma once

#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void leaky_relu_forward(std::span<const T> x, std::span<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] > T(0) ? x[i] : T(0.01f) * x[i];
}

template <class T>
void leaky_relu_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = x[i] > T(0) ? dy[i] : T(0.01f) * dy[i];
}

}  // namespace vitrine::reference
