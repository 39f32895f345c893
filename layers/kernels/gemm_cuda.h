// The matrix product of the CUDA back end: one kernel, told by small functions what to read and write.
//
// Outputs are tiles of 64 x 64, four by four to a thread; operands pass through shared memory 16 terms at a time. Each output has one
// float32 accumulator per chunk of terms, ascending, and chunks are joined in order: which tile an output lies in cannot change it. So
// the portable tier has the bits of layers/kernels/gemm_cpu.h, layers/kernels/weight_gradient_cpu.h and layers/blocks/slab_cpu.h.
#pragma once

#include <cstdint>

#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/pairwise.h"

namespace vitrine::cuda {

// Four neighbours in shared memory, from a place that is a multiple of four on: one read of 16 bytes.
struct alignas(16) Four {
  float at[4];
};
VITRINE_HD inline Four four(const float* shared) {
#ifdef __CUDA_ARCH__
  return *reinterpret_cast<const Four*>(shared);
#else
  return {{shared[0], shared[1], shared[2], shared[3]}};
#endif
}

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

// Tiles of 32 x 32 for where there are few outputs, 64 threads to a tile. While they multiply 16 terms, the next 16 are on their way from memory:
// there are two buffers for each operand.
template <class A, class B>
struct ThinTile {
  static constexpr int kTile = 32, kDepth = 16, kGroup = 64, kEach = 4, kRow = kTile + 4;
  static constexpr int kOperands = 2 * kDepth * kRow, kOutputs = kTile * kTile, kSums = kEach * kEach;
  static constexpr int kReads = kTile * kDepth / kGroup;  // of each operand, by a thread
  static constexpr std::size_t shared_of(int groups) { return static_cast<std::size_t>(2 * groups * kOperands); }
  std::int64_t M, N;
  bool rows_are_near;
  A a;
  B b;

  struct Corner {
    std::int64_t m, n;
  };
  struct Reads {  // by a thread, of 16 terms, on their way to a buffer
    float x[kReads], w[kReads];
  };
  VITRINE_HD static std::int64_t tiles(std::int64_t n) { return (n + kTile - 1) / kTile; }
  VITRINE_HD Corner corner_of(std::int64_t tile) const { return {tile / tiles(N) % tiles(M) * kTile, tile % tiles(N) * kTile}; }
  VITRINE_HD int row_of(int place) const { return rows_are_near ? place % kTile : place / kDepth; }
  VITRINE_HD int term_of(int place) const { return rows_are_near ? place / kTile : place % kDepth; }

  // Terms k, k + 1, ... : `depth` of them, then zeros.
  VITRINE_HD void read(int t, const Corner& at, std::int64_t k, std::int64_t depth, Reads& reads) const {
    VITRINE_UNROLL
    for (int i = 0; i < kReads; ++i) {
      const int place = t + i * kGroup, row = row_of(place), term = term_of(place), column = place % kTile,
                step = place / kTile;
      reads.x[i] = term < depth && at.m + row < M ? a(at.m + row, k + term) : 0.0f;
      reads.w[i] = step < depth && at.n + column < N ? b(k + step, at.n + column) : 0.0f;
    }
  }

  VITRINE_HD void write(int t, const Reads& reads, float* left) const {
    float* const right = left + kDepth * kRow;
    VITRINE_UNROLL
    for (int i = 0; i < kReads; ++i) {
      const int place = t + i * kGroup;
      left[term_of(place) * kRow + row_of(place)] = reads.x[i];
      right[place / kTile * kRow + place % kTile] = reads.w[i];
    }
  }

  VITRINE_HD static void multiply(int t, std::int64_t depth, const float* left, float* acc) {
    const float* const right = left + kDepth * kRow;
    const int row = t / (kTile / kEach) * kEach, column = t % (kTile / kEach) * kEach;
    VITRINE_UNROLL_4
    for (int term = 0; term < depth; ++term) {
      const Four x = four(left + term * kRow + row), w = four(right + term * kRow + column);
      VITRINE_UNROLL
      for (int i = 0; i < kEach; ++i) {
        VITRINE_UNROLL
        for (int j = 0; j < kEach; ++j) acc[i * kEach + j] = std::fma(x.at[i], w.at[j], acc[i * kEach + j]);
      }
    }
  }

  // A thread's sums to a [32][32] of its group, and zero for the next.
  VITRINE_HD static void leave(int t, float* acc, float* sums) {
    const int row = t / (kTile / kEach) * kEach, column = t % (kTile / kEach) * kEach;
    VITRINE_UNROLL
    for (int i = 0; i < kEach; ++i) {
      VITRINE_UNROLL
      for (int j = 0; j < kEach; ++j) {
        sums[(row + i) * kTile + column + j] = acc[i * kEach + j];
        acc[i * kEach + j] = 0.0f;
      }
    }
  }

  // A chunk of terms to every group of 64 threads of a block: chunks from `first` on, below `last`.
  VITRINE_HD void add_chunks(const Block& block, const Corner& at, std::int64_t first, std::int64_t last, std::int64_t chunk,
                             Registers<float, kSums>& acc) const {
    const std::int64_t steps = ((last - first < chunk ? last - first : chunk) + kDepth - 1) / kDepth;
    const int groups = block.threads / kGroup;
    const auto depth_of = [&](int t, std::int64_t step) {
      const std::int64_t left = last - (first + t / kGroup * chunk + step * kDepth);
      return left < kDepth ? left : kDepth;
    };
    const auto buffer = [&](int t, std::int64_t step) { return block.shared + (step % 2 * groups + t / kGroup) * kOperands; };
    const auto fetch = [&](int t, std::int64_t step, Reads& reads) {
      const bool is_any = step < steps && depth_of(t, step) > 0;
      if (is_any) read(t % kGroup, at, first + t / kGroup * chunk + step * kDepth, depth_of(t, step), reads);
      return is_any;
    };
    block.each([&](int t) {
      Reads reads;
      if (fetch(t, 0, reads)) write(t % kGroup, reads, buffer(t, 0));
    });
    for (std::int64_t step = 0; step < steps; ++step) {
      block.each([&](int t) {
        Reads next;
        const bool is_any = fetch(t, step + 1, next);
        multiply(t % kGroup, depth_of(t, step), buffer(t, step), acc.of(t));
        if (is_any) write(t % kGroup, next, buffer(t, step + 1));
      });
    }
  }
};

// Four groups share a tile, each taking every fourth chunk, and the sums of four chunks are joined in order before the next four. Four times the
// terms are under way, for the same bits.
template <class Total, class A, class B, class Range, class Out>
struct ThinProductKernel {
  using Tile = ThinTile<A, B>;
  static constexpr int kGroups = 4, kThreads = kGroups * Tile::kGroup, kOwn = Tile::kOutputs / kThreads;
  static constexpr int kBlocksAtOnce = 1;                           // its reads under way take more registers than a half has
  static constexpr std::size_t kShared = Tile::shared_of(kGroups);  // the sums of four chunks fit as well
  Tile tile;
  std::int64_t chunk;
  Range span;
  Out out;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t batch = block.index / (Tile::tiles(tile.M) * Tile::tiles(tile.N));
    const typename Tile::Corner at = tile.corner_of(block.index);
    Registers<float, Tile::kSums> acc(block);
    Registers<Total, kOwn> total(block);
    const Span terms = span(batch);
    for (std::int64_t first = terms.first; first < terms.last; first += kGroups * chunk) {
      tile.add_chunks(block, at, first, terms.last, chunk, acc);
      block.each([&](int t) { Tile::leave(t % Tile::kGroup, acc.of(t), block.shared + t / Tile::kGroup * Tile::kOutputs); });
      block.each([&](int t) {
        for (int i = 0; i < kOwn; ++i) {
          for (int g = 0; g < kGroups && first + g * chunk < terms.last; ++g) {
            const Total part = static_cast<Total>(block.shared[g * Tile::kOutputs + i * kThreads + t]);
            const bool is_first = first == terms.first && g == 0 && sizeof(Total) == sizeof(float);
            total.of(t)[i] = is_first ? part : total.of(t)[i] + part;
          }
        }
      });
    }
    block.each([&](int t) {
      for (int i = 0; i < kOwn; ++i) {
        const std::int64_t m = at.m + (i * kThreads + t) / Tile::kTile, n = at.n + (i * kThreads + t) % Tile::kTile;
        if (m < tile.M && n < tile.N) out(batch, m, n, total.of(t)[i]);
      }
    });
  }
};

// A chunk to a block, where even the tiles of 32 x 32 are few: the last block of a tile joins the chunks' sums in order, for the same bits.
template <class A, class B, class Out>
struct SplitProductKernel {
  using Tile = ThinTile<A, B>;
  static constexpr int kThreads = Tile::kGroup, kOwn = Tile::kOutputs / kThreads;
  Tile tile;
  std::int64_t K, chunk, tiles;
  Out out;
  float* partial;  // [chunks][tiles][32][32]

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t first = block.index / tiles * chunk, last = first + chunk < K ? first + chunk : K;
    Registers<float, Tile::kSums> acc(block);
    tile.add_chunks(block, tile.corner_of(block.index % tiles), first, last, chunk, acc);
    block.each([&](int t) { Tile::leave(t, acc.of(t), partial + block.index * Tile::kOutputs); });
  }

  VITRINE_HD void join(const Block& block) const {
    constexpr int kAtOnce = 2;  // chunks whose sums are read together
    const typename Tile::Corner at = tile.corner_of(block.index);
    const std::int64_t chunks = (K + chunk - 1) / chunk, step = tiles * Tile::kOutputs;
    const float* const sums = partial + block.index * Tile::kOutputs;
    block.each([&](int t) {
      float total[kOwn];
      VITRINE_UNROLL
      for (int i = 0; i < kOwn; ++i) total[i] = sums[i * kThreads + t];
      for (std::int64_t c = 1; c < chunks; c += kAtOnce) {
        float part[kAtOnce][kOwn];
        VITRINE_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          VITRINE_UNROLL
          for (int i = 0; i < kOwn; ++i) part[k][i] = c + k < chunks ? sums[(c + k) * step + i * kThreads + t] : 0.0f;
        }
        VITRINE_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          VITRINE_UNROLL
          for (int i = 0; i < kOwn; ++i) total[i] = c + k < chunks ? total[i] + part[k][i] : total[i];
        }
      }
      VITRINE_UNROLL
      for (int i = 0; i < kOwn; ++i) {
        const std::int64_t m = at.m + (i * kThreads + t) / Tile::kTile, n = at.n + (i * kThreads + t) % Tile::kTile;
        if (m < tile.M && n < tile.N) out(m, n, total[i]);
      }
    });
  }
};

// Fewer tiles of 64 x 64 than this leave a large GPU idle.
inline constexpr std::int64_t kFewTiles = kBusyBlocks / 2;

// chunk: a multiple of 16
template <class Total, class A, class B, class Range, class Out>
void products(const char* op, std::int64_t batches, std::int64_t M, std::int64_t N, std::int64_t chunk, bool rows_are_near, A a,
              B b, Range span, Out out) {
  using Kernel = ProductKernel<Total, A, B, Range, Out>;
  using Thin = ThinProductKernel<Total, A, B, Range, Out>;
  const std::int64_t tiles = batches * Kernel::tiles(M) * Kernel::tiles(N);
  if (tiles < kFewTiles) {
    const typename Thin::Tile tile{M, N, rows_are_near, a, b};
    for_blocks(op, batches * tile.tiles(M) * tile.tiles(N), Thin::kThreads, Thin::kShared, Thin{tile, chunk, span, out});
  } else {
    for_blocks(op, tiles, Kernel::kThreads, 2 * Kernel::kDepth * Kernel::kRow,
               Kernel{M, N, chunk, rows_are_near, a, b, span, out});
  }
}

// Blocks that a product is split into at most: each leaves 4 KiB of sums.
inline constexpr std::int64_t kMostSplit = 16 * kBusyBlocks;

// The same for one product of K terms: out(m, n, sum).
template <class A, class B, class Out>
void product_of(const char* op, std::int64_t M, std::int64_t N, std::int64_t K, A a, B b, Out out) {
  using Split = SplitProductKernel<A, B, Out>;
  using Tile = typename Split::Tile;
  const std::int64_t tiles = Tile::tiles(M) * Tile::tiles(N), chunks = (K + kDotChunk - 1) / kDotChunk;
  if (tiles < kBusyBlocks && chunks > 1 && tiles * chunks <= kMostSplit) {
    Tensor room = Tensor::uninitialized({chunks * tiles, Tile::kOutputs}, current());
    const Split split{{M, N, false, a, b}, K, kDotChunk, tiles, out, room.mutable_data()};
    return for_groups(op, tiles, chunks, Split::kThreads, Tile::shared_of(1), split, Join<Split>{split});
  }
  products<float>(
      op, 1, M, N, kDotChunk, false, a, b,
      [=] VITRINE_HD(std::int64_t) {
        return Span{0, K};
      },
      [=] VITRINE_HD(std::int64_t, std::int64_t m, std::int64_t n, float sum) { out(m, n, sum); });
}

}  // namespace vitrine::cuda
