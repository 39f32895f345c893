// Depthwise convolution of one vector of channels in a tile [rows][columns][kLanes], with the padding as zeros around the map.
//
// A tile needs no border checks, and its weights and sums stay in registers. Sums take their taps in the order of
// layers/depthwise_conv2d_reference.h; a tap outside the map adds 0 * w, which changes no bits of a finite sum. Rows of taps above and below it
// can be left out.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

// Rows of a filter: first <= r < last.
struct TapRows {
  int first, last;
};
// Those of an output's R rows that lie in a map of H rows, where r = 0 is row `top` of it, which may be above it.
static inline TapRows rows_inside(int R, std::int64_t top, std::int64_t H) {
  return {top < 0 ? static_cast<int>(-top) : 0, H - top < R ? static_cast<int>(H - top) : R};
}

// use(q, y) with y[j] = sum over taps (r, s) of x[r][j * Stride + s] * w[r][s] for j < Count, outputs q + j; of r those of `rows`.
template <int R, int Stride, int Count, class Use>
static inline void filter_outputs(const float* x, std::int64_t row, const float* w, TapRows rows, std::int64_t q,
                                  const Use& use) {
  constexpr int kInputs = (Count - 1) * Stride + R;
  F acc[Count] = {};
#pragma GCC unroll 1
  for (int r = rows.first; r < rows.last; ++r) {
    const float* px = x + r * row;
    F tap[R];
#pragma GCC unroll 8
    for (int s = 0; s < R; ++s) tap[s] = load(w + (r * R + s) * kLanes);
#pragma GCC unroll 32
    for (int i = 0; i < kInputs; ++i) {
      const F v = load(px + i * kLanes);
#pragma GCC unroll 8
      for (int s = 0; s < R; ++s) {
        const int from = i - s;
        if (from >= 0 && from % Stride == 0 && from / Stride < Count) acc[from / Stride] = fma(v, tap[s], acc[from / Stride]);
      }
    }
  }
  use(q, acc);
}

// One row of Q outputs: use(q, y) for tiles of y in turn.
template <int R, int Stride, class Use>
static inline void filter_row(const float* x, std::int64_t row, const float* w, TapRows rows, std::int64_t Q, const Use& use) {
  std::int64_t q = 0;
  const auto run = [&]<int Count>() {
    for (; q + Count <= Q; q += Count) filter_outputs<R, Stride, Count>(x + q * Stride * kLanes, row, w, rows, q, use);
  };
  if constexpr (kVectorSet) {  // plain code, where nobody waits for it, stays short
    if (Q % 8 != 0 && Q % 7 == 0) run.template operator()<7>();
    run.template operator()<8>();
    run.template operator()<4>();
    run.template operator()<2>();
  }
  run.template operator()<1>();
}

// use(v, y) with y[j] = the gradient by column v + j of one row of the input, for j < Count: sum over taps (r, s) of g[p][q] * w[r][s], r and then s
// ascending, of the outputs (p, q) that r and s lead to: with a stride of 2 every other r and every other s of a column. Phase: of column v,
// counted from the padding's edge, modulo the stride. g: where (p, q) of r = rows.first and s = Phase lies; p falls as r rises.
template <int R, int Stride, int Count, int Phase, class Use>
static inline void gradient_outputs(const float* g, std::int64_t row, const float* w, TapRows rows, std::int64_t v,
                                    const Use& use) {
  constexpr int kFirst = -((R - 1 - Phase) / Stride), kLast = (Phase + Count - 1) / Stride;
  F acc[Count] = {};
#pragma GCC unroll 1
  for (int r = rows.first; r < rows.last; r += Stride, g -= row) {
    F tap[R];
#pragma GCC unroll 8
    for (int s = 0; s < R; ++s) tap[s] = load(w + (r * R + s) * kLanes);
#pragma GCC unroll 32
    for (int q = kLast; q >= kFirst; --q) {
      const F upstream = load(g + q * kLanes);
#pragma GCC unroll 8
      for (int s = 0; s < R; ++s) {
        const int j = q * Stride + s - Phase;
        if (j >= 0 && j < Count) acc[j] = fma(upstream, tap[s], acc[j]);
      }
    }
  }
  use(v, acc);
}

// One row of W gradients: use(v, y) for tiles of y in turn. g: where q = 0 of the outputs of r = rows.first lies; `left`: the padding before column 0.
template <int R, int Stride, class Use>
static inline void gradient_row(const float* g, std::int64_t row, const float* w, TapRows rows, std::int64_t left,
                                std::int64_t W, const Use& use) {
  std::int64_t v = 0;
  const auto run = [&]<int Count, int Phase>() {
    for (; v + Count <= W; v += Count)
      gradient_outputs<R, Stride, Count, Phase>(g + (v + left) / Stride * kLanes, row, w, rows, v, use);
  };
  const auto run_tiles = [&]<int Phase>() {
    if constexpr (Stride == 1) {
      if (W % 8 != 0 && W % 7 == 0) run.template operator()<7, Phase>();
    }
    run.template operator()<8, Phase>();
    if constexpr (Stride == 1) run.template operator()<4, Phase>();
    run.template operator()<2, Phase>();
  };
  if constexpr (kVectorSet) {  // a tile of an even number of columns leaves the phase as it is
    if (left % Stride == 0) {
      run_tiles.template operator()<0>();
    } else if constexpr (Stride > 1) {
      run_tiles.template operator()<1>();
    }
  }
  for (; v < W; ++v) {
    const float* const at = g + (v + left) / Stride * kLanes;
    (v + left) % Stride == 0 ? gradient_outputs<R, Stride, 1, 0>(at, row, w, rows, v, use)
                             : gradient_outputs<R, Stride, 1, Stride - 1>(at, row, w, rows, v, use);
  }
}

// The outputs of a row to y [Q][kLanes].
struct StoredOutputs {
  float* y;
  template <int Count>
  void operator()(std::int64_t q, const F (&sums)[Count]) const {
#pragma GCC unroll 8
    for (int j = 0; j < Count; ++j) store(y + (q + j) * kLanes, sums[j]);
  }
};

inline constexpr int kTapPixels = 4;  // with the sums of their taps they fit into the registers

// acc[r][s] += sum over j < Count of x[r][j * Stride + s] * g[j], for the taps of rows First .. First + Rows; j ascending.
template <int R, int Stride, int Count, int First, int Rows>
static inline void add_taps(const float* x, std::int64_t row, const float* g, F (&acc)[Rows][R]) {
  constexpr int kInputs = (Count - 1) * Stride + R;
  F gradient[Count];
#pragma GCC unroll 4
  for (int j = 0; j < Count; ++j) gradient[j] = load(g + j * kLanes);
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < kInputs; ++i) {
      const F v = load(x + (First + r) * row + i * kLanes);
#pragma GCC unroll 8
      for (int s = 0; s < R; ++s) {
        const int from = i - s;
        if (from >= 0 && from % Stride == 0 && from / Stride < Count) acc[r][s] = fma(v, gradient[from / Stride], acc[r][s]);
      }
    }
  }
}

// The same over output rows p0 .. p1 of a tile, those of g `g_row` floats apart; taps [R][R][kLanes] in memory, the rows First .. First + Rows.
// Not inlined: gcc would mix the registers of one pass with those of the next and keep sums on the stack.
template <int R, int Stride, int First, int Rows>
[[gnu::noinline]] static void add_taps_of_rows(const float* x, std::int64_t row, const float* g, std::int64_t g_row,
                                               std::int64_t p0, std::int64_t p1, std::int64_t Q, float* taps) {
  F acc[Rows][R];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int s = 0; s < R; ++s) acc[r][s] = load(taps + ((First + r) * R + s) * kLanes);
  }
  for (std::int64_t p = p0; p < p1; ++p) {
    const float* px = x + p * Stride * row;
    const float* pg = g + p * g_row;
    std::int64_t q = 0;
    for (; q + kTapPixels <= Q; q += kTapPixels)
      add_taps<R, Stride, kTapPixels, First, Rows>(px + q * Stride * kLanes, row, pg + q * kLanes, acc);
    for (; q < Q; ++q) add_taps<R, Stride, 1, First, Rows>(px + q * Stride * kLanes, row, pg + q * kLanes, acc);
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
    for (int s = 0; s < R; ++s) store(taps + ((First + r) * R + s) * kLanes, acc[r][s]);
  }
}

// taps [R][R][kLanes] += the weight gradient of output rows p0 .. p1; the rows of g [Q][kLanes] are g_row floats apart.
template <int R, int Stride>
static inline void add_weight_gradient(const float* x, std::int64_t row, const float* g, std::int64_t g_row, std::int64_t p0,
                                       std::int64_t p1, std::int64_t Q, float* taps) {
  if constexpr (kLanes == 8) {  // 16 registers
    add_taps_of_rows<R, Stride, 0, 1>(x, row, g, g_row, p0, p1, Q, taps);
    add_taps_of_rows<R, Stride, 1, 1>(x, row, g, g_row, p0, p1, Q, taps);
    add_taps_of_rows<R, Stride, 2, 1>(x, row, g, g_row, p0, p1, Q, taps);
    if constexpr (R == 5) {
      add_taps_of_rows<R, Stride, 3, 1>(x, row, g, g_row, p0, p1, Q, taps);
      add_taps_of_rows<R, Stride, 4, 1>(x, row, g, g_row, p0, p1, Q, taps);
    }
  } else {  // 32 registers take three rows of five sums, and two
    add_taps_of_rows<R, Stride, 0, 3>(x, row, g, g_row, p0, p1, Q, taps);
    if constexpr (R == 5) add_taps_of_rows<R, Stride, 3, 2>(x, row, g, g_row, p0, p1, Q, taps);
  }
}

// Sizes of the two tiles of a depthwise convolution. `input` holds the padded map, `gradient` the output's gradient with zeros around it where
// taps of the map's edge look for outputs: `top` rows above and `left` columns before it.
struct TileSizes {
  std::int64_t rows, columns;                               // input
  std::int64_t top, left, gradient_rows, gradient_columns;  // gradient

  explicit TileSizes(const ConvShape& z)
      : rows(larger((z.P - 1) * z.stride + z.R, z.padding.top + z.H)),
        columns(larger((z.Q - 1) * z.stride + z.S, z.padding.left + z.W)),
        top((z.R - 1 - z.padding.top + z.stride - 1) / z.stride),
        left((z.S - 1 - z.padding.left + z.stride - 1) / z.stride),
        gradient_rows(top + larger(z.P, (z.H - 1 + z.padding.top) / z.stride + 1)),
        gradient_columns(left + larger(z.Q, (z.W - 1 + z.padding.left) / z.stride + 1)) {}
  static std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
  std::int64_t input() const { return rows * columns * kLanes; }                       // floats
  std::int64_t gradient() const { return gradient_rows * gradient_columns * kLanes; }  // floats
};

}  // namespace vitrine::kernels::VITRINE_ISA
