// The product with packed weights (layers/kernels/packed.h), in the order of layers/kernels/gemm_cpu.h and so with the same bits.
//
// Activations and residuals are left to loops over what was just stored: in one function with the tile, gcc keeps the constants of the
// one in registers that the other needs.
#pragma once

#include "layers/kernels/gemm_cpu.h"
#include "layers/kernels/packed.h"

namespace vitrine::kernels::VITRINE_ISA {

// Rows of a tile of so many vectors: 16 registers hold four rows of three vectors, or six of two.
template <int Vectors>
inline constexpr int kPackedRows = kTileRows == 4 && Vectors == 2 ? 6 : kTileRows;

// The left factor: row i starts at a + i * step and consists of runs of `run` values that lie `next` apart. Rows of a matrix are one run; a
// convolution's windows are one run for each row of the kernel.
struct LeftRows {
  const float* a;
  std::int64_t step, run, next = 0, done = 0;  // a: so many values after the beginning of a run

  LeftRows from(std::int64_t i) const { return {a + i * step, step, run, next, done}; }
  LeftRows after(std::int64_t k) const {
    const std::int64_t runs = (done + k) / run, rest = (done + k) % run;
    return {a + runs * next + rest - done, step, run, next, rest};
  }
};

// One chunk of k of a tile into y, bias added to the last; the last vector has `tail` lanes.
template <bool First, bool Last, bool Partial, int Rows, int Vectors>
static inline void store_chunk(const F (&acc)[Rows][Vectors], const float* bias, float* y, std::int64_t ldy, int tail) {
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const int lanes = Partial && v == Vectors - 1 ? tail : kLanes;
      float* const out = y + i * ldy + v * kLanes;
      F sum = acc[i][v];
      if (!First) sum = load_partial(out, lanes) + sum;
      if (Last) sum = sum + load(bias + v * kLanes);
      store_partial(out, sum, lanes);
    }
  }
}

// acc += the next `terms` values of the left rows, which are behind them then, times the panel.
template <int Rows, int Vectors>
static inline void accumulate_runs(LeftRows& left, const float* panel, std::int64_t width, std::int64_t terms,
                                   F (&acc)[Rows][Vectors]) {
  while (true) {
    const std::int64_t now = smaller(terms, left.run - left.done);
    accumulate_tile<Rows, Vectors, false, kRowsAhead>(left.a, left.step, 1, panel, width, now, 0, acc);
    left.a += now;
    left.done += now;
    if (left.done == left.run) {
      left.a += left.next - left.run;
      left.done = 0;
    }
    terms -= now;
    if (terms == 0) return;
    panel += now * width;
  }
}

// Whether a tile is finished before the next: 16 lanes get a panel from the second cache as fast as they use it, and a tile is still at hand
// for its next chunk. With fewer, all tiles have a chunk of the panel while it is in the first cache.
template <bool Runs>
inline constexpr bool kTileByTile = Runs&& kLanes > 8;

// A tile's chunk of k, or all of them; `left` and the panel are the rest from k on. Runs: the left rows consist of several.
template <int Rows, int Vectors, bool Partial, bool Runs>
[[gnu::noinline]] static void packed_tile(LeftRows left, const float* panel, std::int64_t width, std::int64_t k, std::int64_t K,
                                          const float* bias, float* y, std::int64_t ldy, int tail) {
  do {
    F acc[Rows][Vectors] = {};
    const std::int64_t terms = smaller(kDotTerms, K - k);
    if constexpr (Runs) {
      accumulate_runs(left, panel, width, terms, acc);
    } else {
      accumulate_tile<Rows, Vectors, false, kRowsAhead>(left.a, left.step, 1, panel, width, terms, 0, acc);
    }
    if (k == 0 && K <= kDotTerms) {
      store_chunk<true, true, Partial>(acc, bias, y, ldy, tail);
    } else if (k == 0) {
      store_chunk<true, false, Partial>(acc, bias, y, ldy, tail);
    } else if (k + kDotTerms < K) {
      store_chunk<false, false, Partial>(acc, bias, y, ldy, tail);
    } else {
      store_chunk<false, true, Partial>(acc, bias, y, ldy, tail);
    }
    k += kDotTerms;
    panel += kDotTerms * width;
  } while (kTileByTile<Runs> && k < K);
}

template <int Vectors, bool Partial>
static inline void packed_rows(const LeftRows& left, const float* panel, std::int64_t width, std::int64_t K, const float* bias,
                               std::int64_t rows, float* y, std::int64_t ldy, int tail) {
  std::int64_t i = 0, k = 0;
  LeftRows rest = left;  // from k on
  const auto run = [&]<int Rows, bool Runs>() {
    for (; i + Rows <= rows; i += Rows)
      packed_tile<Rows, Vectors, Partial, Runs>(rest.from(i), panel + k * width, width, k, K, bias, y + i * ldy, ldy, tail);
  };
  const auto tiles = [&]<bool Runs>() {
    if constexpr (kTileRows == 8) {  // maps of 7, 14, 28 ... rows have no remainder then
      if (rows % 8 != 0 && rows % 7 == 0) run.template operator()<7, Runs>();
    }
    run.template operator()<kPackedRows<Vectors>, Runs>();
    if constexpr (kPackedRows < Vectors >> 4) run.template operator()<4, Runs>();
    if constexpr (kPackedRows < Vectors >> 2) run.template operator()<2, Runs>();
    run.template operator()<1, Runs>();
  };
  const bool has_runs = left.run < K, is_tile_by_tile = has_runs ? kTileByTile<true> : kTileByTile<false>;
  while (true) {
    has_runs ? tiles.template operator()<true>() : tiles.template operator()<false>();
    k += kDotTerms;
    if (k >= K || is_tile_by_tile) return;
    i = 0;
    rest = left.after(k);
  }
}

// Columns n .. n + 48 (or to the end) of y [rows][ldy] = left w + bias; y points at column n.
static inline void packed_panel(const LeftRows& left, const Packed& w, std::int64_t n, std::int64_t rows, float* y,
                                std::int64_t ldy) {
  const std::int64_t width = w.width(n), columns = w.N - n < width ? w.N - n : width;
  const std::int64_t vectors = (columns + kLanes - 1) / kLanes;
  for (std::int64_t v = 0; v < vectors;) {
    const std::int64_t more = vectors - v, at = v * kLanes;
    const int count = more == 4 || more == 2 ? 2 : static_cast<int>(smaller(more, kTileVectors));  // never three and one
    const int tail = lanes_of(columns, (v + count - 1) * kLanes);
    const auto run = [&]<int Vectors>() {
      constexpr bool kMasksCostNothing = kLanes > 8;
      const auto rows_of =
          kMasksCostNothing || tail < kLanes ? packed_rows<Vectors, true> : packed_rows<Vectors, kMasksCostNothing>;
      rows_of(left, w.panel(n) + at, width, w.K, w.bias() + n + at, rows, y + at, ldy, tail);
    };
    if (count == 1) {
      run.template operator()<1>();
    } else if (count == 2) {
      run.template operator()<2>();
    } else {
      run.template operator()<kTileVectors>();
    }
    v += count;
  }
}

// All columns: y [rows][N].
static inline void packed_product(const LeftRows& left, const Packed& w, std::int64_t rows, float* y) {
  for (std::int64_t n = 0; n < w.N; n += Packed::kPanel) packed_panel(left, w, n, rows, y + n, w.N);
}

}  // namespace vitrine::kernels::VITRINE_ISA
