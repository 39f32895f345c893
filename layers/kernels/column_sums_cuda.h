// Sums over rows for the CUDA back end: the fixed tree of layers/kernels/pairwise.h, and sums of columns, which is what batch statistics, pooling
// and the gradients by a channel's scale come down to.
#pragma once

#include <cstdint>

#include "tensor/cuda/launch.h"
#include "tensor/cuda/settings.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

// Rows that one block may sum by itself.
inline constexpr std::int64_t kFewRows = 512;
// Blocks that keep a large GPU busy: two for each of 132 multiprocessors.
inline constexpr std::int64_t kBusyBlocks = 264;

struct Span {
  std::int64_t first, last;
};

// Room for float64 on the current device.
inline Tensor doubles(std::int64_t count) { return Tensor::uninitialized<double>({count}, current()); }

// A row-major matrix as value(row, column).
struct RowMajor {
  const float* values;
  std::int64_t columns;
  VITRINE_HD float operator()(std::int64_t row, std::int64_t c) const { return constant(values + row * columns + c); }
};

// The fixed tree of layers/kernels/pairwise.h in registers.
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

// Sums that the threads of a block hold for 32 columns, thread t for column t % 32, become one a column, in the order of the threads.
// shared: room for Count doubles a thread. take(column, sums[Count]) runs for columns first + column < C.
template <int Count, class Take>
VITRINE_HD inline void join_lanes(const Block& block, Registers<double, Count>& acc, std::int64_t first, std::int64_t C,
                                  Take take) {
  constexpr int kColumns = 32;
  double* const lanes = reinterpret_cast<double*>(block.shared);
  block.each([&](int t) {
    for (int i = 0; i < Count; ++i) lanes[i * block.threads + t] = acc.of(t)[i];
  });
  block.each([&](int t) {
    if (t >= kColumns || first + t >= C) return;
    double sums[Count];
    for (int i = 0; i < Count; ++i) {
      sums[i] = lanes[i * block.threads + t];
      for (int lane = t + kColumns; lane < block.threads; lane += kColumns) sums[i] += lanes[i * block.threads + lane];
    }
    take(first + t, sums);
  });
}

// The sums that `parts` blocks left for 32 columns, part p at partial[p * step + i * C + column], added in order: every eighth by a thread,
// then the threads' sums.
template <int Count, class Number, class Take>
VITRINE_HD inline void join_parts(const Block& block, const Number* partial, std::int64_t parts, std::int64_t step,
                                  std::int64_t first, std::int64_t C, Take take) {
  constexpr int kColumns = 32, kAtOnce = 8;  // reads that are under way together
  const int lanes = block.threads / kColumns;
  Registers<double, Count> acc(block);
  block.each([&](int t) {
    const std::int64_t c = first + t % kColumns;
    for (std::int64_t p = t / kColumns; c < C && p < parts; p += kAtOnce * lanes) {
      double values[kAtOnce][Count];
      VITRINE_UNROLL
      for (int k = 0; k < kAtOnce; ++k) {
        VITRINE_UNROLL
        for (int i = 0; i < Count; ++i)
          values[k][i] = p + k * lanes < parts ? static_cast<double>(partial[(p + k * lanes) * step + i * C + c]) : 0.0;
      }
      VITRINE_UNROLL
      for (int k = 0; k < kAtOnce; ++k) {
        VITRINE_UNROLL
        for (int i = 0; i < Count; ++i) acc.of(t)[i] += values[k][i];
      }
    }
  });
  join_lanes<Count>(block, acc, first, C, take);
}

// What the last block of a group does (for_groups): kernel.join.
template <class Kernel>
struct Join {
  Kernel kernel;
  VITRINE_HD void operator()(const Block& block) const { kernel.join(block); }
};

// A term of sums whose rows are written as they are summed: load(row, c) reads what add(row, c, values, acc) takes, so that the reads of several
// rows are under way before the first write.
template <class Load, class Add>
struct LoadThenAdd {
  Load load;
  Add add;
  VITRINE_HD void operator()(std::int64_t r, std::int64_t c, double* acc) const { add(r, c, load(r, c), acc); }
};
template <class Load, class Add>
LoadThenAdd(Load, Add) -> LoadThenAdd<Load, Add>;

// Run-to-run tier: a segment's rows are cut into slices of neighbours, a block each; Lanes threads a column take every Lanes-th row, and
// their sums and those of the slices are added in order.
template <int Count, int Lanes, class Range, class Term, class Out>
struct ColumnSums {
  static constexpr int kColumns = 32, kLanes = Lanes, kThreads = kColumns * kLanes;
  static constexpr std::size_t kShared = 2 * Count * kThreads;
  std::int64_t segments, slices, C;
  Range span;
  Term term;
  Out out;
  double* partial;  // [slices][segments][Count][C]; not used with one slice

  VITRINE_HD std::int64_t groups() const { return segments * ((C + kColumns - 1) / kColumns); }
  VITRINE_HD std::int64_t segment_of(std::int64_t group) const { return group % segments; }
  VITRINE_HD std::int64_t first_column(std::int64_t group) const { return group / segments * kColumns; }

  VITRINE_HD void add_rows(std::int64_t first, std::int64_t end, std::int64_t c, double* acc) const {
    if constexpr (requires { term.load(first, c); }) {
      constexpr int kAtOnce = 4;
      for (std::int64_t r = first; r < end; r += kAtOnce * kLanes) {
        decltype(term.load(r, c)) values[kAtOnce] = {};
        VITRINE_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          if (r + k * kLanes < end) values[k] = term.load(r + k * kLanes, c);
        }
        VITRINE_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          if (r + k * kLanes < end) term.add(r + k * kLanes, c, values[k], acc);
        }
      }
    } else {
      VITRINE_UNROLL_4
      for (std::int64_t r = first; r < end; r += kLanes) term(r, c, acc);
    }
  }

  VITRINE_HD void operator()(const Block& block) const {  // a slice
    const std::int64_t group = block.index % groups(), slice = block.index / groups(), segment = segment_of(group);
    const std::int64_t c0 = first_column(group);
    const Span all = span(segment);
    const std::int64_t rows = (all.last - all.first + slices - 1) / slices, begin = all.first + slice * rows;
    const std::int64_t end = begin + rows < all.last ? begin + rows : all.last;
    Registers<double, Count> acc(block);
    block.each([&](int t) {
      const std::int64_t c = c0 + t % kColumns;
      if (c < C) add_rows(begin + t / kColumns, end, c, acc.of(t));
    });
    join_lanes<Count>(block, acc, c0, C, [&](std::int64_t c, const double* sums) {
      if (slices == 1) return out(segment, c, sums);
      for (int i = 0; i < Count; ++i) partial[((slice * segments + segment) * Count + i) * C + c] = sums[i];
    });
  }

  VITRINE_HD void join(const Block& block) const {
    const std::int64_t segment = segment_of(block.index);
    join_parts<Count>(block, partial + segment * Count * C, slices, segments * Count * C, first_column(block.index), C,
                      [&](std::int64_t c, const double* sums) { out(segment, c, sums); });
  }
};

// Slices for `groups` independent sums of at most `rows` rows: enough blocks for a large GPU, but no fewer than 64 rows each.
inline std::int64_t slices_of(std::int64_t groups, std::int64_t rows) {
  const std::int64_t wanted = 2 * kBusyBlocks / groups, most = rows / 64;
  const std::int64_t slices = wanted < most ? wanted : most;
  return slices < 1 ? 1 : slices;
}

// Sums of Count quantities over the rows span(segment) of each segment, at most `rows`, for C columns: term(row, c, acc) adds a row's
// values to acc[Count]; out(segment, c, sums) takes the sums. Portable tier: one thread per column, rows ascending. Run-to-run tier: `slices`
// of each segment, or 0 for what suits all of them together.
template <int Count, class Range, class Term, class Out>
void column_sums(const char* op, std::int64_t segments, std::int64_t rows, std::int64_t C, Range span, Term term, Out out,
                 std::int64_t slices = 0) {
  if (settings().tier == Tier::portable) {
    for_each(op, segments * C, [=] VITRINE_HD(std::int64_t i) {
      const std::int64_t segment = i / C, c = i % C;
      const Span all = span(segment);
      double acc[Count] = {};
      for (std::int64_t r = all.first; r < all.last; ++r) term(r, c, acc);
      out(segment, c, acc);
    });
    return;
  }
  // A few hundred rows are no work worth sharing: one block of many threads, and no waiting for others.
  using Short = ColumnSums<Count, 32, Range, Term, Out>;
  if (slices <= 1 && rows > kFewRows / 8 && rows <= kFewRows) {
    const Short sums{segments, 1, C, span, term, out, nullptr};
    return for_blocks(op, sums.groups(), sums.kThreads, sums.kShared, sums);
  }
  ColumnSums<Count, 8, Range, Term, Out> sums{segments, 1, C, span, term, out, nullptr};
  sums.slices = slices > 0 ? slices : slices_of(sums.groups(), rows);
  if (sums.slices == 1) return for_blocks(op, sums.groups(), sums.kThreads, sums.kShared, sums);
  Tensor room = doubles(sums.slices * segments * Count * C);
  sums.partial = room.mutable_data<double>();
  for_groups(op, sums.groups(), sums.slices, sums.kThreads, sums.kShared, sums, Join<decltype(sums)>{sums});
}

}  // namespace vitrine::cuda
