// Linear, the definition: a convolution of one-pixel images with a 1x1 window.
#pragma once

#include <span>

#include "layers/conv2d_reference.h"

namespace vitrine::reference {

inline ConvShape linear_shape(std::int64_t N, std::int64_t C, std::int64_t K) { return {N, 1, 1, C, 1, 1, K, 1, 1, 1, {}}; }

template <class T>
void linear_forward(std::int64_t N, std::int64_t C, std::int64_t K, std::span<const T> x, std::span<const T> w,
                    std::span<const T> b, std::span<T> y) {
  conv2d_forward<T>(linear_shape(N, C, K), x, w, b, y);
}

template <class T>
void linear_backward(std::int64_t N, std::int64_t C, std::int64_t K, std::span<const T> x, std::span<const T> w,
                     std::span<const T> dy, std::span<T> dx, std::span<T> dw, std::span<T> db) {
  const ConvShape shape = linear_shape(N, C, K);
  conv2d_backward_data<T>(shape, dy, w, dx);
  conv2d_backward_weights<T>(shape, x, dy, dw);
  if (!db.empty()) conv2d_backward_bias<T>(dy, N, K, db);
}

}  // namespace vitrine::reference
