// Slabs: the expanded tensors of an MBConv are worked on 48 channels at a time, the width of three AVX-512 vectors.
//
// A slab of a row-major tensor [rows, M] is its columns c .. c + 48; the last one of a tensor may be narrower. The expanded widths of
// every EfficientNet are multiples of 48 (6 times a multiple of 8). Which channels share a slab cannot change a result.
// Expanded tensors lie in planes of 16 channels (layers/blocks/planes.h).
#pragma once

#include <cstddef>

#include "layers/blocks/planes.h"
#include "layers/kernels/gemm_cpu.h"
#include "tensor/scratch.h"

namespace vitrine::kernels::VITRINE_ISA {

inline constexpr int kSlabVectors = static_cast<int>(kSlab) / kLanes;
inline constexpr std::int64_t kBlockRows = 128;  // of a weight gradient: float32 sums are this long

// Where channel c of row r lies in an expanded tensor of `rows` rows; the next row is kPlane floats further.
static inline std::int64_t plane_at(std::int64_t rows, std::int64_t r, std::int64_t c) {
  return (c / kPlane * plane_rows(rows) + r) * kPlane + c % kPlane;
}

// The jobs of a loop over segments and slabs, of which each thread has a run: segment by segment, so that it keeps its images; or slab by slab
// where the threads' shares of segments would differ, as of three segments, the last of them a smaller one. Out of line: a job's loops need
// the registers.
struct SlabJobs {
  std::int64_t segments, slabs;
  bool slab_by_slab;

  [[gnu::noinline]] SlabJobs(std::int64_t all_segments, std::int64_t M)
      : segments(all_segments), slabs((M + kSlab - 1) / kSlab) {
    const std::int64_t threads = thread_count();
    slab_by_slab = segments < 4 * threads && segments % threads != 0 && slabs >= 2 * threads;
  }
  std::int64_t count() const { return segments * slabs; }
  struct Place {
    std::int64_t segment, channel;
  };
  [[gnu::noinline]] Place at(std::int64_t i) const {
    if (slab_by_slab) return {i % segments, i / segments * kSlab};
    return {i / slabs, i % slabs * kSlab};
  }
};

// Expanded tensors beyond this size are written past the caches: they could not stay there until they are read. Not where a vector is part of a
// line: what is written past the caches goes to memory line by line, and half a line costs more than a whole one.
inline constexpr std::int64_t kStreamedBytes = 24 << 20;
static inline bool is_streamed(std::int64_t rows, std::int64_t M) {
  return kLanes == kPlane && plane_floats(rows, M) * static_cast<std::int64_t>(sizeof(float)) > kStreamedBytes;
}
static inline void store_row(float* p, F v, int lanes, bool streamed) {
  if (streamed && lanes == kLanes) {
    stream(p, v);
  } else {
    write_ahead(p);
    store_partial(p, v, lanes);
  }
}

static inline void clear(float* p, std::int64_t floats) {
  __builtin_memset(p, 0, static_cast<std::size_t>(floats) * sizeof(float));
}

// panel [K][kSlab] = the slab of w [K, M] that starts at column c. The next slab is asked for: it comes while this one is multiplied by.
static inline void pack_slab(const float* w, std::int64_t K, std::int64_t M, std::int64_t c, float* panel) {
  for (std::int64_t k = 0; k < K; ++k) {
    const float* const from = w + k * M + c;
    for (std::int64_t j = 0; j < kSlab; j += kPlane) __builtin_prefetch(from + kSlab + j, 0, 2);
    for (int v = 0; v < kSlabVectors; ++v) store(panel + k * kSlab + v * kLanes, load(from + v * kLanes));
  }
}

// panel [K][kSlab] = rows c .. c + width of w [M, K], transposed; columns beyond are zero.
static inline void pack_slab_transposed(const float* w, std::int64_t K, std::int64_t c, std::int64_t width, float* panel) {
  if (width < kSlab) clear(panel, K * kSlab);
  for (std::int64_t j = 0; j < width; j += kLanes) {
    for (std::int64_t k = 0; k < K; k += kLanes) {
      const float* const from = w + (c + j) * K + k;
      transpose_square(from, K, lanes_of(width, j), lanes_of(K, k), panel + k * kSlab + j, kSlab);
      for (int i = 0; i < kLanes; ++i) __builtin_prefetch(from + (kSlab + i) * K, 0, 2);  // the next slab's
    }
  }
}

// Where a product goes: row i, column j at at[i * row + j / 16 * plane + j % 16].
struct SlabOutput {
  float* at;
  std::int64_t row, plane;
  float* vector(std::int64_t i, int v) const { return at + i * row + v * kLanes / kPlane * plane + v * kLanes % kPlane; }
};

template <int Rows>
static inline void slab_tile(const float* a, std::int64_t lda, const float* panel, std::int64_t K, const SlabOutput& out,
                             std::int64_t i0) {
  for (int v0 = 0; v0 < kSlabVectors; v0 += kTileVectors) {
    for (std::int64_t k = 0; k < K; k += kDotTerms) {
      const std::int64_t terms = K - k < kDotTerms ? K - k : kDotTerms;
      F acc[Rows][kTileVectors] = {};
      accumulate_tile<Rows, kTileVectors, false>(a + i0 * lda + k, lda, 1, panel + k * kSlab + v0 * kLanes, kSlab, terms, 0,
                                                 acc);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
        for (int v = 0; v < kTileVectors; ++v) {
          float* at = out.vector(i0 + i, v0 + v);
          store(at, k > 0 ? load(at) + acc[i][v] : acc[i][v]);
        }
      }
    }
  }
}

// out[i][0 .. 48) = sum over k of a[i][k] panel[k][0 .. 48), the order of layers/kernels/gemm_cpu.h.
static inline void slab_product(const float* a, std::int64_t lda, const float* panel, std::int64_t K, std::int64_t rows,
                                const SlabOutput& out) {
  std::int64_t i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) slab_tile<kTileRows>(a, lda, panel, K, out, i);
  for (; i + 2 <= rows; i += 2) slab_tile<2>(a, lda, panel, K, out, i);
  for (; i < rows; ++i) slab_tile<1>(a, lda, panel, K, out, i);
}

// Where rows of a block are read across all planes: floats from an element to the same row so many planes further that some 64 lines lie between.
static inline std::int64_t across_planes(std::int64_t all, std::int64_t block) {
  return plane_rows(all) * kPlane * (block < 64 ? 64 / block : 1);
}

// Rows r .. r + count of an expanded tensor of `all` rows and M channels, row-major.
static inline void rows_of_planes(const float* planes, std::int64_t all, std::int64_t M, std::int64_t r, std::int64_t count,
                                  float* rows) {
  const std::int64_t ahead = across_planes(all, count);
  for (std::int64_t c = 0; c < M; c += kLanes) {
    const float* const from = planes + plane_at(all, r, c);
    for (std::int64_t i = 0; i < count; ++i) {
      __builtin_prefetch(from + ahead + i * kPlane, 0, 3);
      store(rows + i * M + c, load(from + i * kPlane));
    }
  }
}

// Whether y [rows, K] = a w', w [K, M], is made by columns: where w is more than a, so that a thread reads and transposes its own part of w and all
// of a, not its own part of a and all of w, the half of which another thread has transposed. As long as a core's second cache holds a.
static inline bool is_product_by_columns(std::int64_t rows, std::int64_t M, std::int64_t K) {
  return K % kSlab == 0 && rows < 2 * K && rows * M <= (1 << 18);
}

// That product, of an expanded tensor a of `rows` rows and M channels.
static inline void product_by_columns(const float* a, const float* w, std::int64_t rows, std::int64_t M, std::int64_t K,
                                      float* y) {
  parallel_for(K / kSlab, 1, [&](std::int64_t first, std::int64_t last) {
    float *const left = thread_scratch(static_cast<std::size_t>((rows + kSlab) * M)), *const panel = left + rows * M;
    rows_of_planes(a, rows, M, 0, rows, left);
    for (std::int64_t k = first * kSlab; k < last * kSlab; k += kSlab) {
      pack_slab_transposed(w, M, k, kSlab, panel);
      slab_product(left, M, panel, M, rows, {y + k, K, kPlane});
    }
  });
}

// total[j][0 .. 48) += sum over rows r of a[r][j] expanded[r][0 .. 48) for j < narrow: the sum in float32, added in float64. Rows of `expanded`
// lie ldw apart, those of `total` ldt. First: `total` is not read but taken for zeros.
template <int Narrow, bool First, class Beside>
static inline void slab_gradient_tile(const float* a, std::int64_t lda, const float* expanded, std::int64_t ldw,
                                      std::int64_t rows, double* total, std::int64_t ldt, Beside beside) {
  for (int v0 = 0; v0 < kSlabVectors; v0 += kTileVectors) {
    F acc[Narrow][kTileVectors] = {};
    accumulate_tile<Narrow, kTileVectors, false>(a, 1, lda, expanded + v0 * kLanes, ldw, rows, 0, acc, beside);
#pragma GCC unroll 8
    for (int i = 0; i < Narrow; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        double* at = total + i * ldt + (v0 + v) * kLanes;
        store_wide(at, (First ? D{} : load_wide(at)) + widen(acc[i][v]));  // 0 + x: -0 becomes 0 there, too
      }
    }
  }
}
template <bool First, class Beside>
static inline void slab_gradient_of(const float* a, std::int64_t lda, std::int64_t narrow, const float* expanded,
                                    std::int64_t ldw, std::int64_t rows, double* total, std::int64_t ldt, Beside beside) {
  std::int64_t j = 0;
  for (; j + kTileRows <= narrow; j += kTileRows)
    slab_gradient_tile<kTileRows, First>(a + j, lda, expanded, ldw, rows, total + j * ldt, ldt, beside(j / kTileRows));
  for (; j < narrow; ++j) slab_gradient_tile<1, First>(a + j, lda, expanded, ldw, rows, total + j * ldt, ldt, NothingBeside{});
}
// beside(tile)(r) is called at row r of whole tile `tile`, of kTileRows values of a row of `a`: it may ask for memory.
template <class Beside>
static inline void slab_gradient(bool first, const float* a, std::int64_t lda, std::int64_t narrow, const float* expanded,
                                 std::int64_t ldw, std::int64_t rows, double* total, std::int64_t ldt, Beside beside) {
  if (first) {
    slab_gradient_of<true>(a, lda, narrow, expanded, ldw, rows, total, ldt, beside);
  } else {
    slab_gradient_of<false>(a, lda, narrow, expanded, ldw, rows, total, ldt, beside);
  }
}
static inline void slab_gradient(bool first, const float* a, std::int64_t lda, std::int64_t narrow, const float* expanded,
                                 std::int64_t ldw, std::int64_t rows, double* total, std::int64_t ldt) {
  slab_gradient(first, a, lda, narrow, expanded, ldw, rows, total, ldt, [](std::int64_t) { return NothingBeside{}; });
}

// dw[j][0 .. 48) = the same sum where no other rows are to be added to it: it needs no float64. + 0: -0 becomes 0, as it does there.
template <int Narrow>
static inline void whole_slab_gradient_tile(const float* a, std::int64_t lda, const float* expanded, std::int64_t ldw,
                                            std::int64_t rows, float* dw, std::int64_t ldd) {
  for (int v0 = 0; v0 < kSlabVectors; v0 += kTileVectors) {
    F acc[Narrow][kTileVectors] = {};
    accumulate_tile<Narrow, kTileVectors, false>(a, 1, lda, expanded + v0 * kLanes, ldw, rows, 0, acc);
#pragma GCC unroll 8
    for (int i = 0; i < Narrow; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) store(dw + i * ldd + (v0 + v) * kLanes, acc[i][v] + zero());
    }
  }
}
static inline void whole_slab_gradient(const float* a, std::int64_t lda, std::int64_t narrow, const float* expanded,
                                       std::int64_t ldw, std::int64_t rows, float* dw, std::int64_t ldd) {
  std::int64_t j = 0;
  for (; j + kTileRows <= narrow; j += kTileRows)
    whole_slab_gradient_tile<kTileRows>(a + j, lda, expanded, ldw, rows, dw + j * ldd, ldd);
  for (; j < narrow; ++j) whole_slab_gradient_tile<1>(a + j, lda, expanded, ldw, rows, dw + j * ldd, ldd);
}

}  // namespace vitrine::kernels::VITRINE_ISA
