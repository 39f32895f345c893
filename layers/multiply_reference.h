// Multiply, the definition, over any number type.
#pragma once

#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
void multiply_forward(std::span<const T> a, std::span<const T> b, std::span<T> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] * b[i];
}

template <class T>
void multiply_backward(std::span<const T> a, std::span<const T> b, std::span<const T> dy, std::span<T> da, std::span<T> db) {
  for (std::size_t i = 0; i < dy.size(); ++i) {
    da[i] = dy[i] * b[i];
    db[i] = dy[i] * a[i];
  }
}

}  // namespace vitrine::reference
