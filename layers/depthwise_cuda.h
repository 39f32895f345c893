// Depthwise convolution on a CUDA device: tiles of 8 x 8 outputs and 32 channels, the input tile in shared memory, one output row of a
// channel to a thread. A value is read from memory, and turned into what the op wants, once for each tile that it lies in.
#pragma once

#include "layers/conv2d.h"
#include "layers/product_cuda.h"

namespace vitrine::cuda {

// y(n, p, q, c) = sum over taps (r, s), ascending, of load(n, p * Stride + r, q * Stride + s, c) * w[r][s][c];
// Mirrored: of load(n, p + R - 1 - r, q + R - 1 - s, c). `load` takes padded coordinates and gives 0 outside the map.
template <int R, int Stride, bool Mirrored, class Load, class Store>
struct DepthwiseKernel {
  static constexpr int kOut = 8, kChannels = 32, kThreads = kOut * kChannels, kIn = (kOut - 1) * Stride + R;
  static constexpr std::size_t kShared = static_cast<std::size_t>(kIn) * kIn * kChannels;
  std::int64_t P, Q, C;
  const float* w;
  Load load;
  Store store;

  VITRINE_HD void fill(int t, std::int64_t n, std::int64_t p0, std::int64_t q0, std::int64_t c, float* tile) const {
    for (int i = t / kChannels; i < kIn * kIn; i += kOut)
      tile[i * kChannels + t % kChannels] = c < C ? load(n, p0 * Stride + i / kIn, q0 * Stride + i % kIn, c) : 0.0f;
  }

  VITRINE_HD void filter(int t, std::int64_t n, std::int64_t p, std::int64_t q0, std::int64_t c, const float* tile) const {
    float acc[kOut] = {};
    const int row = t / kChannels * Stride;
    for (int r = 0; r < R; ++r) {
      for (int s = 0; s < R; ++s) {
        const float tap = w[(r * R + s) * C + c];
        const float* const x =
            tile + ((row + (Mirrored ? R - 1 - r : r)) * kIn + (Mirrored ? R - 1 - s : s)) * kChannels + t % kChannels;
        for (int j = 0; j < kOut; ++j) acc[j] = std::fma(x[j * Stride * kChannels], tap, acc[j]);
      }
    }
    for (int j = 0; j < kOut; ++j) {
      if (q0 + j < Q) store(n, p, q0 + j, c, acc[j]);
    }
  }

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t groups = (C + kChannels - 1) / kChannels, columns = (Q + kOut - 1) / kOut, rows = (P + kOut - 1) / kOut;
    const std::int64_t c0 = block.index % groups * kChannels, q0 = block.index / groups % columns * kOut;
    const std::int64_t p0 = block.index / groups / columns % rows * kOut, n = block.index / groups / columns / rows;
    block.each([&](int t) { fill(t, n, p0, q0, c0 + t % kChannels, block.shared); });
    block.each([&](int t) {
      const std::int64_t c = c0 + t % kChannels, p = p0 + t / kChannels;
      if (c < C && p < P) filter(t, n, p, q0, c, block.shared);
    });
  }

  std::int64_t blocks(std::int64_t N) const {
    return N * ((P + kOut - 1) / kOut) * ((Q + kOut - 1) / kOut) * ((C + kChannels - 1) / kChannels);
  }
};

template <int R, int Stride, bool Mirrored, class Load, class Store>
void depthwise_tiles(const char* op, std::int64_t N, std::int64_t P, std::int64_t Q, std::int64_t C, const float* w, Load load,
                     Store store) {
  using Kernel = DepthwiseKernel<R, Stride, Mirrored, Load, Store>;
  const Kernel kernel{P, Q, C, w, load, store};
  for_blocks(op, kernel.blocks(N), Kernel::kThreads, Kernel::kShared, kernel);
}

inline bool has_depthwise_tiles(const ConvShape& z) {
  return z.R == z.S && (z.R == 3 || z.R == 5) && (z.stride == 1 || z.stride == 2);
}

// The padded map of value(row, c), row = (n H + h) W + v.
template <class Value>
struct PaddedMap {
  ConvShape z;
  Value value;
  VITRINE_HD float operator()(std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) const {
    const std::int64_t h = row - z.padding.top, v = column - z.padding.left;
    return h < 0 || h >= z.H || v < 0 || v >= z.W ? 0.0f : value((n * z.H + h) * z.W + v, c);
  }
};

// The map of the output's gradient value(row, c), row = (n P + p) Q + q, with stride - 1 zeros between its pixels.
template <class Value>
struct SpreadMap {
  ConvShape z;
  Value value;
  VITRINE_HD float operator()(std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) const {
    const std::int64_t up = row - (z.R - 1 - z.padding.top), left = column - (z.S - 1 - z.padding.left);
    if (up < 0 || left < 0 || up % z.stride != 0 || left % z.stride != 0) return 0.0f;
    const std::int64_t p = up / z.stride, q = left / z.stride;
    return p >= z.P || q >= z.Q ? 0.0f : value((n * z.P + p) * z.Q + q, c);
  }
};

// out(row, c, y): the depthwise convolution of value(row, c) with w [R, S, C], has_depthwise_tiles(z).
template <class Value, class Out>
void depthwise_forward(const char* op, const ConvShape& z, const float* w, Value value, Out out) {
  const std::int64_t P = z.P, Q = z.Q;
  const PaddedMap<Value> load{z, value};
  const auto store = [=] VITRINE_HD(std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t c, float y) {
    out((n * P + p) * Q + q, c, y);
  };
  if (z.R == 3) {
    z.stride == 1 ? depthwise_tiles<3, 1, false>(op, z.N, P, Q, z.C, w, load, store)
                  : depthwise_tiles<3, 2, false>(op, z.N, P, Q, z.C, w, load, store);
  } else {
    z.stride == 1 ? depthwise_tiles<5, 1, false>(op, z.N, P, Q, z.C, w, load, store)
                  : depthwise_tiles<5, 2, false>(op, z.N, P, Q, z.C, w, load, store);
  }
}

// out(row, c, dx): its gradient by the input, from the output's gradient value(row, c).
template <class Value, class Out>
void depthwise_backward_data(const char* op, const ConvShape& z, const float* w, Value value, Out out) {
  const std::int64_t H = z.H, W = z.W;
  const SpreadMap<Value> load{z, value};
  const auto store = [=] VITRINE_HD(std::int64_t n, std::int64_t h, std::int64_t v, std::int64_t c, float dx) {
    out((n * H + h) * W + v, c, dx);
  };
  z.R == 3 ? depthwise_tiles<3, 1, true>(op, z.N, H, W, z.C, w, load, store)
           : depthwise_tiles<5, 1, true>(op, z.N, H, W, z.C, w, load, store);
}

}  // namespace vitrine::cuda
