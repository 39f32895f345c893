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
  std::int64_t step, run, next = 0;

  LeftRows from(std::int64_t i) const { return {a + i * step, step, run, next}; }
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

// acc += values k .. k + terms of the left rows times the panel from row k on.
template <int Rows, int Vectors>
static inline void accumulate_runs(const LeftRows& left, std::int64_t k, const float* panel, std::int64_t width,
                                   std::int64_t terms, F (&acc)[Rows][Vectors]) {
  const float* a = left.a + k / left.run * left.next + k % left.run;
  for (std::int64_t more = left.run - k % left.run;; more = left.run) {  // of the run in hand
    const std::int64_t now = smaller(terms, more);
    accumulate_tile<Rows, Vectors, false>(a, left.step, 1, panel, width, now, 0, acc);
    terms -= now;
    if (terms == 0) return;
    a += now + left.next - left.run;
    panel += now * width;
  }
}

// A tile's chunk of k, from value k of the left rows on. Runs: the left rows consist of several.
template <int Rows, int Vectors, bool Partial, bool Runs>
[[gnu::noinline]] static void packed_tile(const LeftRows left, const float* panel, std::int64_t width, std::int64_t k,
                                          std::int64_t K, const float* bias, float* y, std::int64_t ldy, int tail) {
  F acc[Rows][Vectors] = {};
  const std::int64_t terms = smaller(kDotTerms, K - k);
  if constexpr (Runs) {
    accumulate_runs(left, k, panel + k * width, width, terms, acc);
  } else {
    accumulate_tile<Rows, Vectors, false>(left.a + k, left.step, 1, panel + k * width, width, terms, 0, acc);
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
}

template <int Vectors, bool Partial>
static inline void packed_rows(const LeftRows& left, const float* panel, std::int64_t width, std::int64_t K, const float* bias,
                               std::int64_t rows, float* y, std::int64_t ldy, int tail) {
  std::int64_t i = 0, k = 0;
  const auto run = [&]<int Rows, bool Runs>() {
    for (; i + Rows <= rows; i += Rows)
      packed_tile<Rows, Vectors, Partial, Runs>(left.from(i), panel, width, k, K, bias, y + i * ldy, ldy, tail);
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
  for (; k < K; k += kDotTerms, i = 0)  // all rows while this part of the panel is in the first cache
    left.run < K ? tiles.template operator()<true>() : tiles.template operator()<false>();
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
      const auto rows_of = tail == kLanes ? packed_rows<Vectors, false> : packed_rows<Vectors, true>;
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
