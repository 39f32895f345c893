// Relu6, the definition, over any number type.
#pragma once

#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void relu6_forward(std::span<const T> x, std::span<T> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T low = x[i] < T(0) ? T(0) : x[i];  // NaN stays NaN
    y[i] = low > T(6) ? T(6) : low;
  }
}

template <class T>
void relu6_backward(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = x[i] > T(0) && x[i] < T(6) ? dy[i] : T(0);
}

}  // namespace vitrine::reference
