// The matrix product behind 1x1 convolutions and linear layers: y[m][n] = sum_k a[m][k] b[k][n].
//
// Lanes run across n. Each output has one float32 accumulator per chunk of 128 k, k ascending, fma; chunk sums are joined in index
// order in float32. The product of a tile of Rows x (Vectors * kLanes) outputs stays in registers.
#pragma once

#include <cstdint>

#include "layers/kernels/pairwise_cpu.h"
#include "layers/kernels/transpose_cpu.h"
#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

#if defined(__AVX512F__) || defined(__aarch64__)  // 32 registers
inline constexpr int kTileRows = 8, kTileVectors = 3;
#elif defined(__AVX2__)
inline constexpr int kTileRows = 4, kTileVectors = 3;
#else
inline constexpr int kTileRows = 2, kTileVectors = 2;
#endif

// Weights come from the third cache or from memory: so many rows of them (18 KiB of a packed panel) are asked for before they are needed.
inline constexpr int kRowsAhead = kLanes >= 8 ? 96 : 0;

struct NothingBeside {
  void operator()(std::int64_t) const {}
};

// acc[i][v] += sum over `terms` of a[i * row + t * step] * b[t * stride + v * kLanes ...]; the last vector has `tail` lanes. Row t + Ahead of b is asked
// for where Ahead is not 0: a processor's own fetching ahead stops at every page. beside(t) may ask for other memory.
template <int Rows, int Vectors, bool Partial, int Ahead = 0, class Beside = NothingBeside>
static inline void accumulate_tile(const float* a, std::int64_t row, std::int64_t step, const float* b, std::int64_t stride,
                                   std::int64_t terms, int tail, F (&acc)[Rows][Vectors], Beside beside = {}) {
  F c[Rows][Vectors];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) c[i][v] = acc[i][v];
  }
  for (std::int64_t t = 0; t < terms; ++t) {
    F w[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      w[v] = Partial && v == Vectors - 1 ? load_partial(b + v * kLanes, tail) : load(b + v * kLanes);
      if (Ahead > 0) __builtin_prefetch(b + Ahead * stride + v * kLanes);
    }
    beside(t);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const F x = broadcast(a[i * row]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) c[i][v] = fma(x, w[v], c[i][v]);
    }
    a += step;
    b += stride;
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) acc[i][v] = c[i][v];
  }
}

// One tile of a product with row-major a [., K], b [K, N] and y [., N], bias added last where there is one.
template <int Rows, int Vectors, bool Partial>
static void product_tile(const float* a, const float* b, const float* bias, std::int64_t K, std::int64_t N, int tail,
                         float* y) {
  for (std::int64_t k = 0; k < K || k == 0; k += kDotTerms) {
    const std::int64_t terms = K - k < kDotTerms ? K - k : kDotTerms;
    F acc[Rows][Vectors] = {};
    accumulate_tile<Rows, Vectors, Partial, kRowsAhead>(a + k, K, 1, b + k * N, N, terms, tail, acc);
    const bool last = k + kDotTerms >= K;
    for (int i = 0; i < Rows; ++i) {
      for (int v = 0; v < Vectors; ++v) {
        float* out = y + i * N + v * kLanes;
        const bool cut = Partial && v == Vectors - 1;
        F sum = acc[i][v];
        if (k > 0) sum = (cut ? load_partial(out, tail) : load(out)) + sum;
        if (last && bias != nullptr) sum = sum + (cut ? load_partial(bias + v * kLanes, tail) : load(bias + v * kLanes));
        if (cut) {
          store_partial(out, sum, tail);
        } else {
          store(out, sum);
        }
      }
    }
  }
}

template <int Vectors, bool Partial>
static void product_rows(const float* a, const float* b, const float* bias, std::int64_t rows, std::int64_t K, std::int64_t N,
                         int tail, float* y) {
  std::int64_t m = 0;
  for (; m + kTileRows <= rows; m += kTileRows)
    product_tile<kTileRows, Vectors, Partial>(a + m * K, b, bias, K, N, tail, y + m * N);
  for (; m < rows; ++m) product_tile<1, Vectors, Partial>(a + m * K, b, bias, K, N, tail, y + m * N);
}

// Columns n0 .. n1 of y [rows, N] = a [rows, K] b [K, N] (+ bias [N]); n0 a multiple of kTileVectors * kLanes.
static inline void product_columns(const float* a, const float* b, const float* bias, std::int64_t rows, std::int64_t K,
                                   std::int64_t N, std::int64_t n0, std::int64_t n1, float* y) {
  constexpr std::int64_t kBlock = kTileVectors * kLanes;
  for (std::int64_t n = n0; n < n1; n += kBlock) {
    const std::int64_t left = n1 - n < kBlock ? n1 - n : kBlock;
    const int vectors = static_cast<int>((left + kLanes - 1) / kLanes);
    const int tail = static_cast<int>(left - (vectors - 1) * kLanes);
    const auto run = [&]<int Vectors, bool Partial>(std::int64_t column) {
      product_rows<Vectors, Partial>(a, b + column, bias == nullptr ? nullptr : bias + column, rows, K, N, tail, y + column);
    };
    if (vectors == 1) {
      tail < kLanes ? run.template operator()<1, true>(n) : run.template operator()<1, false>(n);
    } else if (vectors == 2) {
      tail < kLanes ? run.template operator()<2, true>(n) : run.template operator()<2, false>(n);
    } else if (tail == kLanes) {
      run.template operator()<kTileVectors, false>(n);
    } else if constexpr (kTileRows == 4) {  // a mask beside a tile of 4 x 3 is more than 16 registers hold
      run.template operator()<2, false>(n);
      run.template operator()<1, true>(n + 2 * kLanes);
    } else {
      run.template operator()<kTileVectors, true>(n);
    }
  }
}

// y [M, N] = a [M, K] b [K, N] (+ bias [N]); parallel over rows, or over columns where there are few rows.
static inline void product(const float* a, const float* b, const float* bias, std::int64_t M, std::int64_t K, std::int64_t N,
                           float* y) {
  constexpr std::int64_t kBlock = kTileVectors * kLanes;
  const std::int64_t columns = (N + kBlock - 1) / kBlock, row_blocks = (M + kTileRows - 1) / kTileRows;
  if (row_blocks >= columns) {
    const std::int64_t grain = 1 + 20000 / (K * N / 8 + 1);
    parallel_for(row_blocks, grain, [&](std::int64_t first, std::int64_t last) {
      const std::int64_t m0 = first * kTileRows, m1 = last * kTileRows < M ? last * kTileRows : M;
      product_columns(a + m0 * K, b, bias, m1 - m0, K, N, 0, N, y + m0 * N);
    });
  } else {
    const std::int64_t grain = 1 + 20000 / (M * K + 1);
    parallel_for(columns, grain, [&](std::int64_t first, std::int64_t last) {
      product_columns(a, b, bias, M, K, N, first * kBlock, last * kBlock < N ? last * kBlock : N, y);
    });
  }
}

// w [K, N] becomes wt [N, K].
static inline void transpose(const float* w, std::int64_t K, std::int64_t N, float* wt) {
  parallel_for((N + kLanes - 1) / kLanes, 1 + 16384 / (K * kLanes), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t k = 0; k < K; k += kLanes) {  // rows of w in runs, which the processor fetches ahead
      for (std::int64_t n = first * kLanes; n < smaller(N, last * kLanes); n += kLanes)
        transpose_square(w + k * N + n, N, lanes_of(K, k), lanes_of(N, n), wt + n * K + k, K);
    }
  });
}

}  // namespace vitrine::kernels::VITRINE_ISA
