// Softmax, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

namespace vitrine::reference {

template <class T>
void softmax_forward(std::int64_t rows, std::int64_t C, std::span<const T> x, std::span<T> y) {
  using std::exp;
  const auto width = static_cast<std::size_t>(C);
  for (std::size_t n = 0; n < static_cast<std::size_t>(rows); ++n) {
    const auto from = x.subspan(n * width, width);
    const auto to = y.subspan(n * width, width);
    T most = from[0], sum(0);
    for (const T& v : from) most = v > most ? v : most;
    for (std::size_t c = 0; c < width; ++c) sum += to[c] = exp(from[c] - most);
    for (T& v : to) v /= sum;
  }
}

template <class T>
void softmax_backward(std::int64_t rows, std::int64_t C, std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
  softmax_forward(rows, C, x, dx);  // y for now
  const auto width = static_cast<std::size_t>(C);
  for (std::size_t n = 0; n < static_cast<std::size_t>(rows); ++n) {
    const auto gradient = dy.subspan(n * width, width);
    const auto to = dx.subspan(n * width, width);
    T sum(0);
    for (std::size_t c = 0; c < width; ++c) sum += gradient[c] * to[c];
    for (std::size_t c = 0; c < width; ++c) to[c] *= gradient[c] - sum;
  }
}

}  // namespace vitrine::reference
