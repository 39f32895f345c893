// The matrix product of the CUDA back end, and the sums over rows: one kernel each, told by small functions what to read and write.
//
// Outputs are tiles of 64 x 64, four by four to a thread; operands pass through shared memory 16 terms at a time. Each output has one
// float32 accumulator per chunk of terms, ascending, and chunks are joined in order: which tile an output lies in cannot change it. So
// the portable tier has the bits of layers/gemm_cpu.h, layers/weight_gradient_cpu.h and layers/slab_cpu.h.
#pragma once

#include <cstdint>

#include "layers/pairwise.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cuda {

struct Span {
  std::int64_t first, last;
};

// Total: float joins chunk sums in float32 (the first one as it is), double adds them to 0 in float64.
// a(m, k), b(k, n): operands; span(batch): the terms k of a batch; out(batch, m, n, total) takes the result.
template <class Total, class A, class B, class Range, class Out>
struct ProductKernel {
  static constexpr int kTile = 64, kDepth = 16, kThreads = 256, kEach = 4, kRow = kTile + 4;
  std::int64_t M, N, chunk;
  bool rows_are_near;  // a(m, k) and a(m + 1, k) lie side by side, not a(m, k) and a(m, k + 1)
  A a;
  B b;
  Range span;
  Out out;

  VITRINE_HD static std::int64_t tiles(std::int64_t n) { return (n + kTile - 1) / kTile; }

  VITRINE_HD void load(int t, std::int64_t m0, std::int64_t n0, std::int64_t k, int depth, float* left, float* right) const {
    for (int i = t; i < kTile * kDepth; i += kThreads) {
      const int row = rows_are_near ? i % kTile : i / kDepth, term = rows_are_near ? i / kTile : i % kDepth;
      const bool inside = term < depth && m0 + row < M;
      left[term * kRow + row] = inside ? a(m0 + row, k + term) : 0.0f;
      const int column = i % kTile, step = i / kTile;
      right[step * kRow + column] = step < depth && n0 + column < N ? b(k + step, n0 + column) : 0.0f;
    }
  }

  VITRINE_HD static void multiply(int t, int depth, const float* left, const float* right, float* acc) {
    const int row = t / kDepth * kEach, column = t % kDepth * kEach;
    for (int term = 0; term < depth; ++term) {
      const float* const x = left + term * kRow + row;
      const float* const w = right + term * kRow + column;
      for (int i = 0; i < kEach; ++i) {
        for (int j = 0; j < kEach; ++j) acc[i * kEach + j] = std::fma(x[i], w[j], acc[i * kEach + j]);
      }
    }
  }

  VITRINE_HD static void close(bool first, float* acc, Total* total) {
    for (int i = 0; i < kEach * kEach; ++i) {
      const Total part = static_cast<Total>(acc[i]);
      total[i] = first && sizeof(Total) == sizeof(float) ? part : total[i] + part;
      acc[i] = 0.0f;
    }
  }

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t columns = tiles(N), rows = tiles(M);
    const std::int64_t n0 = block.index % columns * kTile, m0 = block.index / columns % rows * kTile;
    const std::int64_t batch = block.index / columns / rows;
    float *const left = block.shared, *const right = left + kDepth * kRow;
    Registers<float, kEach * kEach> acc(block);
    Registers<Total, kEach * kEach> total(block);
    const Span terms = span(batch);
    for (std::int64_t k = terms.first; k < terms.last; k += kDepth) {
      const int depth = static_cast<int>(terms.last - k < kDepth ? terms.last - k : kDepth);
      block.each([&](int t) { load(t, m0, n0, k, depth, left, right); });
      const std::int64_t done = k + depth - terms.first;
      block.each([&](int t) {
        if (m0 + t / kDepth * kEach < M && n0 + t % kDepth * kEach < N) multiply(t, depth, left, right, acc.of(t));
        if (done % chunk == 0 || k + depth == terms.last) close(done <= chunk, acc.of(t), total.of(t));
      });
    }
    block.each([&](int t) {
      const std::int64_t m = m0 + t / kDepth * kEach, n = n0 + t % kDepth * kEach;
      for (int i = 0; i < kEach; ++i) {
        for (int j = 0; j < kEach; ++j) {
          if (m + i < M && n + j < N) out(batch, m + i, n + j, total.of(t)[i * kEach + j]);
        }
      }
    });
  }
};

template <class Total, class A, class B, class Range, class Out>
void products(const char* op, std::int64_t batches, std::int64_t M, std::int64_t N, std::int64_t chunk, bool rows_are_near, A a,
              B b, Range span, Out out) {
  using Kernel = ProductKernel<Total, A, B, Range, Out>;
  const std::int64_t tiles = Kernel::tiles(M) * Kernel::tiles(N);
  for_blocks(op, batches * tiles, Kernel::kThreads, 2 * Kernel::kDepth * Kernel::kRow,
             Kernel{M, N, chunk, rows_are_near, a, b, span, out});
}

// The same for one product of K terms: out(m, n, sum).
template <class A, class B, class Out>
void product_of(const char* op, std::int64_t M, std::int64_t N, std::int64_t K, A a, B b, Out out) {
  products<float>(
      op, 1, M, N, kDotChunk, false, a, b,
      [=] VITRINE_HD(std::int64_t) {
        return Span{0, K};
      },
      [=] VITRINE_HD(std::int64_t, std::int64_t m, std::int64_t n, float sum) { out(m, n, sum); });
}

// The fixed tree of layers/pairwise.h in registers.
struct PairwiseTree {
  static constexpr int kLevels = 32;
  double level[kLevels] = {};
  std::uint32_t count = 0;

  VITRINE_HD void push(double carry) {
    int at = 0;
    for (std::uint32_t n = count; n & 1; n >>= 1) carry = level[at++] + carry;
    level[at] = carry;
    ++count;
  }
  VITRINE_HD double sum() const {
    double total = 0;
    bool any = false;
    for (int at = 0; at < kLevels; ++at) {
      if (((count >> at) & 1) == 0) continue;
      total = any ? level[at] + total : level[at];
      any = true;
    }
    return total;
  }
};

// Sums of Count quantities over the rows of each segment, for C columns: term(row, c, acc) adds a row's values to acc[Count];
// partial [segments][Count][C]. Portable: one thread per column, rows ascending. Run-to-run: eight threads per column take every eighth row
// each and are added in order.
template <int Count, class Range, class Term>
struct ColumnSumsKernel {
  static constexpr int kColumns = 32, kLanes = 8, kThreads = kColumns * kLanes;
  std::int64_t C;
  Range span;
  Term term;
  double* partial;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t groups = (C + kColumns - 1) / kColumns, segment = block.index / groups;
    const std::int64_t c0 = block.index % groups * kColumns;
    const Span rows = span(segment);
    double* const lanes = reinterpret_cast<double*>(block.shared);
    block.each([&](int t) {
      const std::int64_t c = c0 + t % kColumns;
      double acc[Count] = {};
      for (std::int64_t r = rows.first + t / kColumns; c < C && r < rows.last; r += kLanes) term(r, c, acc);
      for (int i = 0; i < Count; ++i) lanes[i * kThreads + t] = acc[i];
    });
    block.each([&](int t) {
      if (t >= kColumns || c0 + t >= C) return;
      for (int i = 0; i < Count; ++i) {
        double sum = lanes[i * kThreads + t];
        for (int lane = 1; lane < kLanes; ++lane) sum += lanes[i * kThreads + lane * kColumns + t];
        partial[(segment * Count + i) * C + c0 + t] = sum;
      }
    });
  }
};

template <int Count, class Range, class Term>
void column_sums(const char* op, std::int64_t segments, std::int64_t C, Range span, Term term, double* partial) {
  if (settings().tier == Tier::run_to_run) {
    using Kernel = ColumnSumsKernel<Count, Range, Term>;
    const std::int64_t groups = (C + Kernel::kColumns - 1) / Kernel::kColumns;
    for_blocks(op, segments * groups, Kernel::kThreads, 2 * Count * Kernel::kThreads, Kernel{C, span, term, partial});
    return;
  }
  for_each(op, segments * C, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t segment = i / C, c = i % C;
    const Span rows = span(segment);
    double acc[Count] = {};
    for (std::int64_t r = rows.first; r < rows.last; ++r) term(r, c, acc);
    for (int q = 0; q < Count; ++q) partial[(segment * Count + q) * C + c] = acc[q];
  });
}

}  // namespace vitrine::cuda
