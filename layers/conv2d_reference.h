// Convolution, the definition: the sums in their canonical order, over any number type.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/pairwise.h"

namespace vitrine::reference {

// A sum in the canonical order of dot products: a new accumulator every kDotChunk indices, joined in index order.
template <class T>
class DotProduct {
 public:
  void add(std::int64_t index, const T& a, const T& b) {
    using std::fma;
    while (index >= end_) close();
    chunk_ = fma(a, b, chunk_);
  }
  T sum() {
    close();
    return total_;
  }

 private:
  void close() {
    total_ = first_ ? chunk_ : total_ + chunk_;
    first_ = false;
    chunk_ = T(0);
    end_ += kDotChunk;
  }
  T chunk_{0}, total_{0};
  std::int64_t end_ = kDotChunk;
  bool first_ = true;
};

// A sum in the canonical order of long reductions: a new accumulator every kDotChunk indices, joined by the pairwise tree.
template <class T>
class LongSum {
 public:
  void add(std::int64_t index, const T& a, const T& b) {
    using std::fma;
    while (index >= end_) close();
    chunk_ = fma(a, b, chunk_);
  }
  void add(std::int64_t index, const T& a) {
    while (index >= end_) close();
    chunk_ = chunk_ + a;
  }
  T sum(std::int64_t terms) {  // terms: the number of indices, those that were skipped included
    while (end_ < terms) close();
    tree_.push(static_cast<SumOf<T>>(chunk_));
    return static_cast<T>(tree_.sum());
  }

 private:
  void close() {
    tree_.push(static_cast<SumOf<T>>(chunk_));
    chunk_ = T(0);
    end_ += kChunk;
  }
  T chunk_{0};
  PairwiseSum<SumOf<T>> tree_;
  std::int64_t end_ = kChunk;
};

template <class T>
void conv2d_forward(const ConvShape& z, std::span<const T> x, std::span<const T> w, std::span<const T> b, std::span<T> y) {
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t p = 0; p < z.P; ++p)
      for (std::int64_t q = 0; q < z.Q; ++q)
        for (std::int64_t k = 0; k < z.K; ++k) {
          DotProduct<T> dot;
          for (std::int64_t r = 0; r < z.R; ++r)
            for (std::int64_t s = 0; s < z.S; ++s) {
              const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
              if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
              for (std::int64_t c = 0; c < z.C; ++c) {
                const std::int64_t tap = (r * z.S + s) * z.C + c;
                dot.add(tap, x[static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c)],
                        w[static_cast<std::size_t>(tap * z.K + k)]);
              }
            }
          const T sum = dot.sum();
          y[static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.K + k)] =
              b.empty() ? sum : sum + b[static_cast<std::size_t>(k)];
        }
}

template <class T>
void conv2d_backward_data(const ConvShape& z, std::span<const T> dy, std::span<const T> w, std::span<T> dx) {
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t h = 0; h < z.H; ++h)
      for (std::int64_t v = 0; v < z.W; ++v)
        for (std::int64_t c = 0; c < z.C; ++c) {
          DotProduct<T> dot;
          for (std::int64_t r = 0; r < z.R; ++r)
            for (std::int64_t s = 0; s < z.S; ++s) {
              const std::int64_t up = h + z.padding.top - r, left = v + z.padding.left - s;
              if (up < 0 || left < 0 || up % z.stride != 0 || left % z.stride != 0) continue;
              const std::int64_t p = up / z.stride, q = left / z.stride;
              if (p >= z.P || q >= z.Q) continue;
              for (std::int64_t k = 0; k < z.K; ++k) {
                dot.add((r * z.S + s) * z.K + k, dy[static_cast<std::size_t>(((n * z.P + p) * z.Q + q) * z.K + k)],
                        w[static_cast<std::size_t>(((r * z.S + s) * z.C + c) * z.K + k)]);
              }
            }
          dx[static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c)] = dot.sum();
        }
}

template <class T>
void conv2d_backward_weights(const ConvShape& z, std::span<const T> x, std::span<const T> dy, std::span<T> dw) {
  for (std::int64_t r = 0; r < z.R; ++r)
    for (std::int64_t s = 0; s < z.S; ++s)
      for (std::int64_t c = 0; c < z.C; ++c)
        for (std::int64_t k = 0; k < z.K; ++k) {
          LongSum<T> sum;
          for (std::int64_t n = 0; n < z.N; ++n)
            for (std::int64_t p = 0; p < z.P; ++p)
              for (std::int64_t q = 0; q < z.Q; ++q) {
                const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
                if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
                const std::int64_t pixel = (n * z.P + p) * z.Q + q;
                sum.add(pixel, x[static_cast<std::size_t>(((n * z.H + h) * z.W + v) * z.C + c)],
                        dy[static_cast<std::size_t>(pixel * z.K + k)]);
              }
          dw[static_cast<std::size_t>(((r * z.S + s) * z.C + c) * z.K + k)] = sum.sum(z.N * z.P * z.Q);
        }
}

template <class T>
void conv2d_backward_bias(std::span<const T> dy, std::int64_t pixels, std::int64_t K, std::span<T> db) {
  for (std::int64_t k = 0; k < K; ++k) {
    LongSum<T> sum;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) sum.add(pixel, dy[static_cast<std::size_t>(pixel * K + k)]);
    db[static_cast<std::size_t>(k)] = sum.sum(pixels);
  }
}

}  // namespace vitrine::reference
