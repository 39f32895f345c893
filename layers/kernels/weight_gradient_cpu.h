// Gradients of a convolution's weights and bias: long sums over output pixels, shared by conv2d and linear.
//
// A tile of Rows input channels x Vectors lanes of output channels for one tap (r, s) walks all output pixels in order; every 1,024
// pixel indices its accumulators go to the pairwise tree (layers/kernels/pairwise.h). Threads own whole tiles.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/gemm_cpu.h"
#include "layers/kernels/window_cpu.h"
#include "tensor/scratch.h"

namespace vitrine::kernels::VITRINE_ISA {

inline constexpr int kGradientRows = 4;  // two twos in a tile that is not whole

template <int Rows, int Vectors>
struct GradientTile {
  F acc[Rows][Vectors] = {};
  PairwiseLanes<Rows * Vectors> tree;
  std::int64_t chunk = 0;  // index of the one in acc

  void close_until(std::int64_t wanted) {
    for (; chunk < wanted; ++chunk) {
      F flat[Rows * Vectors];
      for (int i = 0; i < Rows * Vectors; ++i) flat[i] = acc[i / Vectors][i % Vectors];
      tree.push(flat);
      for (int i = 0; i < Rows * Vectors; ++i) acc[i / Vectors][i % Vectors] = zero();
    }
  }
};

// Pixels first .. first + count (flat output index) of one run: x advances by `x_step`, dy by `K`.
template <int Rows, int Vectors, bool Partial>
static void gradient_segment(GradientTile<Rows, Vectors>& tile, const float* x, std::int64_t x_step, const float* dy,
                             std::int64_t K, std::int64_t first, std::int64_t count, int tail) {
  while (count > 0) {
    tile.close_until(first / kChunkTerms);
    const std::int64_t room = (tile.chunk + 1) * kChunkTerms - first;
    const std::int64_t terms = room < count ? room : count;
    accumulate_tile<Rows, Vectors, Partial>(x, 1, x_step, dy, K, terms, tail, tile.acc);
    x += terms * x_step;
    dy += terms * K;
    first += terms;
    count -= terms;
  }
}

template <int Rows, int Vectors, bool Partial>
static void gradient_tile(const ConvShape& z, const float* x, const float* dy, std::int64_t tap, std::int64_t c, std::int64_t k,
                          int tail, float* dw) {
  GradientTile<Rows, Vectors> tile;
  const std::int64_t r = tap / z.S, s = tap % z.S, pixels = z.N * z.P * z.Q;
  const Padding& pad = z.padding;
  if (z.R * z.S == 1 && z.stride == 1 && pad.top + pad.left + pad.bottom + pad.right == 0) {
    gradient_segment<Rows, Vectors, Partial>(tile, x + c, z.C, dy + k, z.K, 0, pixels, tail);
  } else {
    const Range rows = inside(z.P, z.stride, r - z.padding.top, z.H);
    const Range columns = inside(z.Q, z.stride, s - z.padding.left, z.W);
    for (std::int64_t n = 0; n < z.N; ++n) {
      for (std::int64_t p = rows.first; p < rows.last; ++p) {
        const std::int64_t h = p * z.stride + r - z.padding.top, v = columns.first * z.stride + s - z.padding.left;
        const std::int64_t pixel = (n * z.P + p) * z.Q + columns.first;
        gradient_segment<Rows, Vectors, Partial>(tile, x + ((n * z.H + h) * z.W + v) * z.C + c, z.stride * z.C,
                                                 dy + pixel * z.K + k, z.K, pixel, columns.last - columns.first, tail);
      }
    }
  }
  const auto put = [&](int i, int v, F sum) {
    store_partial(dw + (tap * z.C + c + i) * z.K + k + v * kLanes, sum, Partial && v == Vectors - 1 ? tail : kLanes);
  };
  if (pixels <= kChunkTerms) {  // the tree of one chunk is that chunk
    for (int i = 0; i < Rows; ++i) {
      for (int v = 0; v < Vectors; ++v) put(i, v, tile.acc[i][v]);
    }
    return;
  }
  tile.close_until((pixels + kChunkTerms - 1) / kChunkTerms);
  D total[Rows * Vectors];
  tile.tree.sum(total);
  for (int i = 0; i < Rows; ++i) {
    for (int v = 0; v < Vectors; ++v) put(i, v, narrow(total[i * Vectors + v]));
  }
}

template <int Rows, bool Partial>
static void gradient_tile_of(int vectors, const ConvShape& z, const float* x, const float* dy, std::int64_t tap, std::int64_t c,
                             std::int64_t k, int tail, float* dw) {
  if (vectors == 1) {
    gradient_tile<Rows, 1, Partial>(z, x, dy, tap, c, k, tail, dw);
  } else if (vectors == 2) {
    gradient_tile<Rows, 2, Partial>(z, x, dy, tap, c, k, tail, dw);
  } else {
    gradient_tile<Rows, kTileVectors, Partial>(z, x, dy, tap, c, k, tail, dw);
  }
}

// sums[i][0 .. Vectors kLanes) += sum over t < terms of x[t * step + i] g[t][...] for i < Rows; the last vector has `tail` lanes.
template <int Rows, int Vectors, bool Partial>
static inline void add_window_sums(const float* x, std::int64_t step, const float* g, std::int64_t K, std::int64_t terms,
                                   int tail, float* sums) {
  F acc[Rows][Vectors];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const float* const from = sums + i * K + v * kLanes;
      acc[i][v] = Partial && v == Vectors - 1 ? load_partial(from, tail) : load(from);
    }
  }
  accumulate_tile<Rows, Vectors, Partial>(x, 1, step, g, K, terms, tail, acc);
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      float* const to = sums + i * K + v * kLanes;
      if (Partial && v == Vectors - 1) {
        store_partial(to, acc[i][v], tail);
      } else {
        store(to, acc[i][v]);
      }
    }
  }
}

// One run of windows: `count` values of each, all K columns.
template <int Vectors, bool Partial>
[[gnu::noinline]] static void add_run(const float* x, std::int64_t step, std::int64_t count, const float* g, std::int64_t K,
                                      std::int64_t terms, int tail, float* sums) {
  constexpr int kRows = kTileRows == 4 && Vectors == 2 ? 5 : kTileRows;
  std::int64_t i = 0;
  for (; i + kRows <= count; i += kRows) add_window_sums<kRows, Vectors, Partial>(x + i, step, g, K, terms, tail, sums + i * K);
  if constexpr (kRows > 4) {
    for (; i + 4 <= count; i += 4) add_window_sums<4, Vectors, Partial>(x + i, step, g, K, terms, tail, sums + i * K);
  }
  for (; i < count; ++i) add_window_sums<1, Vectors, Partial>(x + i, step, g, K, terms, tail, sums + i * K);
}

// sums [R S C][K] of the outputs q0 .. q1 of one row, g their gradient, in a copy of their input rows.
static inline void add_windows(const ConvShape& z, const LeftRows& windows, std::int64_t q0, std::int64_t q1, const float* g,
                               float* sums) {
  const std::int64_t terms = q1 - q0;
  for (std::int64_t r = 0; r < z.R; ++r) {
    const float* const x = windows.a + r * windows.next + q0 * windows.step;
    for (std::int64_t k = 0; k < z.K;) {
      const int vectors = z.K - k > kLanes ? 2 : 1, lanes = lanes_of(z.K, k + (vectors - 1) * kLanes);
      const auto run = vectors == 2 ? (lanes == kLanes ? add_run<2, false> : add_run<2, true>)
                                    : (lanes == kLanes ? add_run<1, false> : add_run<1, true>);
      run(x, windows.step, windows.run, g + k, z.K, terms, lanes, sums + r * windows.run * z.K + k);
      k += vectors * kLanes;
    }
  }
}

// A convolution with few weights and many pixels, as the stem: a job is one chunk of 1,024 output pixels, and its float32 sums [R S C][K] go to
// `partial` [chunks]; the tree then joins the chunks of each weight.
static void weight_gradient_by_chunk(const ConvShape& z, const float* x, const float* dy, float* partial, float* dw) {
  const std::int64_t size = z.R * z.S * z.C * z.K, pixels = z.N * z.P * z.Q;
  const std::int64_t chunks = (pixels + kChunkTerms - 1) / kChunkTerms;
  parallel_for(chunks, 1, [&](std::int64_t first, std::int64_t last) {
    float* const room = thread_scratch(static_cast<std::size_t>(z.R * padded_columns(z) * z.C));
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t begin = chunk * kChunkTerms, end = smaller(begin + kChunkTerms, pixels);
      float* const sums = partial + chunk * size;
      __builtin_memset(sums, 0, static_cast<std::size_t>(size) * sizeof(float));
      for (std::int64_t pixel = begin; pixel < end;) {
        const std::int64_t q0 = pixel % z.Q, row = pixel / z.Q, q1 = smaller(q0 + end - pixel, z.Q);
        add_windows(z, window_rows(z, x, row / z.P, row % z.P, room), q0, q1, dy + pixel * z.K, sums);
        pixel += q1 - q0;
      }
    }
  });
  for (std::int64_t i = 0; i < size; i += kLanes) {
    const int lanes = static_cast<int>(size - i < kLanes ? size - i : kLanes);
    PairwiseLanes<1> tree;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const F value[1] = {load_partial(partial + chunk * size + i, lanes)};
      tree.push(value);
    }
    D total[1];
    tree.sum(total);
    store_partial(dw + i, narrow(total[0]), lanes);
  }
}

static void weight_gradient(const ConvShape& z, const float* x, const float* dy, float* scratch, float* dw) {
  if (weight_gradient_chunks(z) > 0) return weight_gradient_by_chunk(z, x, dy, scratch, dw);
  const std::int64_t block = kTileVectors * kLanes;
  const std::int64_t k_blocks = (z.K + block - 1) / block, c_blocks = (z.C + kGradientRows - 1) / kGradientRows;
  parallel_for(z.R * z.S * c_blocks * k_blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t job = first; job < last; ++job) {
      const std::int64_t k = job % k_blocks * block, c = job / k_blocks % c_blocks * kGradientRows,
                         tap = job / k_blocks / c_blocks;
      const std::int64_t left = z.K - k < block ? z.K - k : block;
      const int vectors = static_cast<int>((left + kLanes - 1) / kLanes),
                tail = static_cast<int>(left - (vectors - 1) * kLanes);
      if (z.C - c >= kGradientRows && tail == kLanes) {
        gradient_tile_of<kGradientRows, false>(vectors, z, x, dy, tap, c, k, tail, dw);
      } else if (z.C - c >= kGradientRows) {  // two rows at a time: the mask takes a register
        gradient_tile_of<2, true>(vectors, z, x, dy, tap, c, k, tail, dw);
        gradient_tile_of<2, true>(vectors, z, x, dy, tap, c + 2, k, tail, dw);
      } else {
        for (std::int64_t i = c; i < z.C; ++i) {
          tail < kLanes ? gradient_tile_of<1, true>(vectors, z, x, dy, tap, i, k, tail, dw)
                        : gradient_tile_of<1, false>(vectors, z, x, dy, tap, i, k, tail, dw);
        }
      }
    }
  });
}

static void bias_gradient(const float* dy, std::int64_t pixels, std::int64_t K, float* db) {
  const std::int64_t blocks = (K + kLanes - 1) / kLanes;
  parallel_for(blocks, 1 + 40000 / (pixels + 1), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t k = block * kLanes;
      const int lanes = static_cast<int>(K - k < kLanes ? K - k : kLanes);
      PairwiseLanes<1> tree;
      for (std::int64_t pixel = 0; pixel < pixels; pixel += kChunkTerms) {
        const std::int64_t end = pixel + kChunkTerms < pixels ? pixel + kChunkTerms : pixels;
        F chunk[1] = {zero()};
        for (std::int64_t i = pixel; i < end; ++i) chunk[0] = chunk[0] + load_partial(dy + i * K + k, lanes);
        tree.push(chunk);
      }
      D total[1];
      tree.sum(total);
      store_partial(db + k, narrow(total[0]), lanes);
    }
  });
}

}  // namespace vitrine::kernels::VITRINE_ISA
