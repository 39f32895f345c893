// The product with packed weights (layers/kernels/packed.h), in the order of layers/kernels/gemm_cpu.h and so with the same bits.
#pragma once

#include "layers/kernels/gemm_cpu.h"
#include "layers/kernels/packed.h"

namespace vitrine::kernels::VITRINE_ISA {

template <int Rows, int Vectors>
static inline void packed_tile(const float* a, std::int64_t lda, const float* panel, std::int64_t width, std::int64_t K,
                               const float* bias, float* y, std::int64_t ldy, int tail) {
  for (std::int64_t k = 0; k < K; k += kDotTerms) {
    const std::int64_t terms = K - k < kDotTerms ? K - k : kDotTerms;
    F acc[Rows][Vectors] = {};
    accumulate_tile<Rows, Vectors, false>(a + k, lda, 1, panel + k * width, width, terms, 0, acc);
    const bool last = k + kDotTerms >= K;
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const int lanes = v == Vectors - 1 ? tail : kLanes;
        float* out = y + i * ldy + v * kLanes;
        F sum = acc[i][v];
        if (k > 0) sum = load_partial(out, lanes) + sum;
        if (last) sum = sum + load(bias + v * kLanes);
        store_partial(out, sum, lanes);
      }
    }
  }
}

template <int Vectors>
static inline void packed_rows(const float* a, std::int64_t lda, const float* panel, std::int64_t width, std::int64_t K,
                               const float* bias, std::int64_t rows, float* y, std::int64_t ldy, int tail) {
  std::int64_t i = 0;
  const auto run = [&]<int Rows>() {
    for (; i + Rows <= rows; i += Rows)
      packed_tile<Rows, Vectors>(a + i * lda, lda, panel, width, K, bias, y + i * ldy, ldy, tail);
  };
  if constexpr (kTileRows == 8) {  // maps of 7, 14, 28 ... rows have no remainder then
    if (rows % 8 != 0 && rows % 7 == 0) run.template operator()<7>();
  }
  run.template operator()<kTileRows>();
  if constexpr (kTileRows > 4) run.template operator()<4>();
  if constexpr (kTileRows > 2) run.template operator()<2>();
  run.template operator()<1>();
}

// Columns n .. n + 48 (or to the end) of y [rows][ldy] = a [rows][lda] w + bias; y points at column n.
static inline void packed_panel(const float* a, std::int64_t lda, const Packed& w, std::int64_t n, std::int64_t rows, float* y,
                                std::int64_t ldy) {
  const std::int64_t width = w.width(n), columns = w.N - n < width ? w.N - n : width;
  for (std::int64_t v = 0; v * kLanes < columns; v += kTileVectors) {
    const std::int64_t left = columns - v * kLanes;
    const int vectors = static_cast<int>(left >= kTileVectors * kLanes ? kTileVectors : (left + kLanes - 1) / kLanes);
    const int tail = static_cast<int>(left >= vectors * kLanes ? kLanes : left - (vectors - 1) * kLanes);
    const float* const panel = w.panel(n) + v * kLanes;
    const float* const bias = w.bias() + n + v * kLanes;
    float* const out = y + v * kLanes;
    if (vectors == 1) {
      packed_rows<1>(a, lda, panel, width, w.K, bias, rows, out, ldy, tail);
    } else if (vectors == 2) {
      packed_rows<2>(a, lda, panel, width, w.K, bias, rows, out, ldy, tail);
    } else {
      packed_rows<kTileVectors>(a, lda, panel, width, w.K, bias, rows, out, ldy, tail);
    }
  }
}

// y [rows][N] = a [rows][lda] w + bias.
static inline void packed_product(const float* a, std::int64_t lda, const Packed& w, std::int64_t rows, float* y) {
  for (std::int64_t n = 0; n < w.N; n += Packed::kPanel) packed_panel(a, lda, w, n, rows, y + n, w.N);
}

}  // namespace vitrine::kernels::VITRINE_ISA
