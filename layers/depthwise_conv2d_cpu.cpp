#include "layers/depthwise_conv2d.h"

#include "layers/kernels/pairwise_cpu.h"
#include "layers/kernels/window_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

// The taps of one output (or input) pixel that lie inside: where the other tensor's pixel and the weight start.
struct Taps {
  std::int64_t pixel[256];
  std::int64_t weight[256];
  int count = 0;

  void add(std::int64_t at, std::int64_t tap) {
    pixel[count] = at;
    weight[count] = tap;
    ++count;
  }
};

template <int Vectors>
void filter(const Taps& taps, const float* x, const float* w, float* y) {
  F acc[Vectors] = {};
  for (int t = 0; t < taps.count; ++t) {
    const float* px = x + taps.pixel[t];
    const float* pw = w + taps.weight[t];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) acc[v] = fma(load(px + v * kLanes), load(pw + v * kLanes), acc[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; ++v) store(y + v * kLanes, acc[v]);
}

// All channels of one pixel: y[c] = sum over taps of x[tap][c] * w[tap][c].
void filter_pixel(const Taps& taps, const float* x, const float* w, std::int64_t C, float* y) {
  std::int64_t c = 0;
  for (; c + 4 * kLanes <= C; c += 4 * kLanes) filter<4>(taps, x + c, w + c, y + c);
  for (; c + kLanes <= C; c += kLanes) filter<1>(taps, x + c, w + c, y + c);
  if (c < C) {
    const int lanes = static_cast<int>(C - c);
    F acc = zero();
    for (int t = 0; t < taps.count; ++t) {
      acc = fma(load_partial(x + taps.pixel[t] + c, lanes), load_partial(w + taps.weight[t] + c, lanes), acc);
    }
    store_partial(y + c, acc, lanes);
  }
}

void forward(const ConvShape& z, const float* x, const float* w, float* y) {
  parallel_for(z.N * z.P, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.P, p = row % z.P;
      for (std::int64_t q = 0; q < z.Q; ++q) {
        Taps taps;
        for (std::int64_t r = 0; r < z.R; ++r) {
          const std::int64_t h = p * z.stride + r - z.padding.top;
          if (h < 0 || h >= z.H) continue;
          for (std::int64_t s = 0; s < z.S; ++s) {
            const std::int64_t v = q * z.stride + s - z.padding.left;
            if (v >= 0 && v < z.W) taps.add(((n * z.H + h) * z.W + v) * z.C, (r * z.S + s) * z.C);
          }
        }
        filter_pixel(taps, x, w, z.C, y + (row * z.Q + q) * z.C);
      }
    }
  });
}

void backward_data(const ConvShape& z, const float* dy, const float* w, float* dx) {
  parallel_for(z.N * z.H, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.H, h = row % z.H;
      for (std::int64_t v = 0; v < z.W; ++v) {
        Taps taps;
        for (std::int64_t r = 0; r < z.R; ++r) {
          const std::int64_t up = h + z.padding.top - r;
          if (up < 0 || up % z.stride != 0 || up / z.stride >= z.P) continue;
          for (std::int64_t s = 0; s < z.S; ++s) {
            const std::int64_t left = v + z.padding.left - s;
            if (left < 0 || left % z.stride != 0 || left / z.stride >= z.Q) continue;
            taps.add(((n * z.P + up / z.stride) * z.Q + left / z.stride) * z.C, (r * z.S + s) * z.C);
          }
        }
        filter_pixel(taps, dy, w, z.C, dx + (row * z.W + v) * z.C);
      }
    }
  });
}

// One tap of one block of channels walks all output pixels in order.
void tap_gradient(const ConvShape& z, const float* x, const float* dy, std::int64_t tap, std::int64_t c, int lanes, float* dw) {
  const std::int64_t r = tap / z.S, s = tap % z.S, pixels = z.N * z.P * z.Q;
  const Range rows = inside(z.P, z.stride, r - z.padding.top, z.H);
  const Range columns = inside(z.Q, z.stride, s - z.padding.left, z.W);
  PairwiseLanes<1> tree;
  F acc[1] = {zero()};
  std::int64_t chunk_end = kChunkTerms;
  const auto close = [&] {
    tree.push(acc);
    acc[0] = zero();
    chunk_end += kChunkTerms;
  };
  for (std::int64_t n = 0; n < z.N; ++n) {
    for (std::int64_t p = rows.first; p < rows.last; ++p) {
      const std::int64_t h = p * z.stride + r - z.padding.top;
      const float* px = x + ((n * z.H + h) * z.W + columns.first * z.stride + s - z.padding.left) * z.C + c;
      std::int64_t pixel = (n * z.P + p) * z.Q + columns.first;
      const std::int64_t end = (n * z.P + p) * z.Q + columns.last;
      const float* py = dy + pixel * z.C + c;
      for (; pixel < end; ++pixel, px += z.stride * z.C, py += z.C) {
        while (pixel >= chunk_end) close();
        acc[0] = fma(load_partial(px, lanes), load_partial(py, lanes), acc[0]);
      }
    }
  }
  while (chunk_end < pixels) close();
  tree.push(acc);
  D total[1];
  tree.sum(total);
  store_partial(dw + tap * z.C + c, narrow(total[0]), lanes);
}

void backward_weights(const ConvShape& z, const float* x, const float* dy, float* dw) {
  const std::int64_t blocks = (z.C + kLanes - 1) / kLanes, taps = z.R * z.S;
  parallel_for(blocks * taps, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t job = first; job < last; ++job) {
      const std::int64_t c = job / taps * kLanes;
      tap_gradient(z, x, dy, job % taps, c, static_cast<int>(z.C - c < kLanes ? z.C - c : kLanes), dw);
    }
  });
}

}  // namespace

extern const DepthwiseConv2dKernels depthwise_conv2d_table;
const DepthwiseConv2dKernels depthwise_conv2d_table = {forward, backward_data, backward_weights};

}  // namespace vitrine::kernels::VITRINE_ISA
