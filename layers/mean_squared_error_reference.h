// Mean squared error, the definition, over any number type.
#pragma once

#include <cstddef>
#include <span>

namespace vitrine::reference {

template <class T>
T mean_squared_error_forward(std::span<const T> x, std::span<const T> t) {
  T sum(0);
  for (std::size_t i = 0; i < x.size(); ++i) sum += (x[i] - t[i]) * (x[i] - t[i]);
  return sum / T(static_cast<float>(x.size()));
}

template <class T>
void mean_squared_error_backward(std::span<const T> x, std::span<const T> t, const T& dloss, std::span<T> dx, std::span<T> dt) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    dx[i] = dloss * T(2) * (x[i] - t[i]) / T(static_cast<float>(x.size()));
    dt[i] = -dx[i];
  }
}

}  // namespace vitrine::reference
