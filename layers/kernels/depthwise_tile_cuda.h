// Depthwise convolution on a CUDA device: square tiles of outputs and 32 channels, the input tile in shared memory, one output row of a
// channel to a thread. A value is read from memory, and turned into what the op wants, once for each tile that it lies in.
#pragma once

#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/conv_shape.h"

namespace vitrine::cuda {

// Tiles of Out x Out pixels of N maps of P x Q pixels and C channels. A group has 32 channels; `members` blocks share its tiles, block m
// taking m, m + members, ...
template <int Out>
struct Tiling {
  static constexpr int kChannels = 32, kThreads = Out * kChannels;
  std::int64_t N, P, Q, C, members;

  struct Tile {
    std::int64_t n, p, q;
  };
  VITRINE_HD std::int64_t groups() const { return (C + kChannels - 1) / kChannels; }
  VITRINE_HD std::int64_t rows() const { return (P + Out - 1) / Out; }
  VITRINE_HD std::int64_t columns() const { return (Q + Out - 1) / Out; }
  VITRINE_HD std::int64_t tiles() const { return N * rows() * columns(); }
  VITRINE_HD Tile at(std::int64_t tile) const {  // tiles fit into 32 bits, whose division is cheap
    const auto t = static_cast<std::uint32_t>(tile), across = static_cast<std::uint32_t>(columns());
    const std::uint32_t line = t / across, down = static_cast<std::uint32_t>(rows()), n = line / down;
    return {n, std::int64_t{line - n * down} * Out, std::int64_t{t - line * across} * Out};
  }
};

// tile [In][In][32] = load(n, p, q, c) for In x In pixels from (p, q) on; thread t takes channel t % 32. Reads of several pixels are under way
// together: a write to the tile would hold up those after it.
template <int In, int Threads, int Most = 8, class Load>
VITRINE_HD inline void fill_tile(int t, std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t c0, std::int64_t C,
                                 const Load& load, float* tile) {
  constexpr int kLines = Threads / 32, kSteps = (In * In + kLines - 1) / kLines, kRounds = (kSteps + Most - 1) / Most;
  constexpr int kAtOnce = (kSteps + kRounds - 1) / kRounds;
  const std::int64_t c = c0 + t % 32;
  for (int first = t / 32; first < In * In; first += kAtOnce * kLines) {
    float values[kAtOnce];
    VITRINE_UNROLL
    for (int k = 0; k < kAtOnce; ++k) {
      const int i = first + k * kLines;
      values[k] = c < C && i < In * In ? load(n, p + i / In, q + i % In, c) : 0.0f;
    }
    VITRINE_UNROLL
    for (int k = 0; k < kAtOnce; ++k) {
      const int i = first + k * kLines;
      if (i < In * In) tile[i * 32 + t % 32] = values[k];
    }
  }
}

// y(n, p, q, c) = sum over taps (r, s), ascending, of load(n, p * Stride + r, q * Stride + s, c) * w[r][s][c];
// Mirrored: of load(n, p + R - 1 - r, q + R - 1 - s, c). `load` takes padded coordinates and gives 0 outside the map.
// store(n, p, q, c, y, acc) takes y and adds to acc[Count]; take(0, c, sums) gets the sums over all pixels.
template <int R, int Stride, bool Mirrored, int Out, int Count, class Load, class Store, class Take>
struct DepthwiseKernel {
  using Tiles = Tiling<Out>;
  static constexpr int kThreads = Tiles::kThreads, kIn = (Out - 1) * Stride + R, kSums = Count > 0 ? Count : 1;
  static constexpr int kTile = kIn * kIn * Tiles::kChannels, kLanes = 2 * Count * Tiles::kThreads;
  static constexpr std::size_t kShared = kTile > kLanes ? kTile : kLanes;
  Tiles tiles;
  const float* w;
  Load load;
  Store store;
  Take take;
  double* partial;  // [members][Count][C]; not used without sums or with one member

  VITRINE_HD void filter(int t, const typename Tiles::Tile& at, std::int64_t c, const float* tile, double* acc) const {
    const std::int64_t p = at.p + t / Tiles::kChannels;
    if (c >= tiles.C || p >= tiles.P) return;
    float y[Out] = {};
    VITRINE_UNROLL
    for (int r = 0; r < R; ++r) {
      const int row = t / Tiles::kChannels * Stride + (Mirrored ? R - 1 - r : r);
      float x[kIn];
      VITRINE_UNROLL
      for (int i = 0; i < kIn; ++i) x[i] = tile[(row * kIn + i) * Tiles::kChannels + t % Tiles::kChannels];
      VITRINE_UNROLL
      for (int s = 0; s < R; ++s) {
        const float tap = constant(w + (r * R + s) * tiles.C + c);
        VITRINE_UNROLL
        for (int j = 0; j < Out; ++j) y[j] = std::fma(x[j * Stride + (Mirrored ? R - 1 - s : s)], tap, y[j]);
      }
    }
    VITRINE_UNROLL
    for (int j = 0; j < Out; ++j) {
      if (at.q + j < tiles.Q) store(at.n, p, at.q + j, c, y[j], acc);
    }
  }

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t groups = tiles.groups(), member = block.index / groups, c0 = block.index % groups * Tiles::kChannels;
    Registers<double, kSums> acc(block);
    for (std::int64_t tile = member; tile < tiles.tiles(); tile += tiles.members) {
      const typename Tiles::Tile at = tiles.at(tile);
      block.each([&](int t) {
        fill_tile<kIn, Tiles::kThreads>(t, at.n, at.p * Stride, at.q * Stride, c0, tiles.C, load, block.shared);
      });
      block.each([&](int t) { filter(t, at, c0 + t % Tiles::kChannels, block.shared, acc.of(t)); });
    }
    if constexpr (Count > 0) {
      join_lanes<Count>(block, acc, c0, tiles.C, [&](std::int64_t c, const double* sums) {
        if (tiles.members == 1) return take(0, c, sums);
        for (int i = 0; i < Count; ++i) partial[(member * Count + i) * tiles.C + c] = sums[i];
      });
    }
  }

  VITRINE_HD void join(const Block& block) const {
    join_parts<kSums>(block, partial, tiles.members, Count * tiles.C, block.index * Tiles::kChannels, tiles.C,
                      [&](std::int64_t c, const double* sums) { take(0, c, sums); });
  }
};

// Blocks of a group that share its tiles where they also sum: enough for a large GPU, of several tiles each where there are many.
inline std::int64_t members_of(std::int64_t tiles, std::int64_t groups) {
  const std::int64_t few = kBusyBlocks / groups, many = 4 * kBusyBlocks / groups;
  const std::int64_t wanted = std::max<std::int64_t>({1, few, std::min(many, tiles / 8)});
  return std::min(tiles, wanted);
}

struct TakeNothing {
  VITRINE_HD void operator()(std::int64_t, std::int64_t, const double*) const {}
};

template <int R, int Stride, bool Mirrored, int Out, int Count, class Load, class Store, class Take>
void launch_tiles(const char* op, std::int64_t N, std::int64_t P, std::int64_t Q, std::int64_t C, const float* w, Load load,
                  Store store, Take take) {
  using Kernel = DepthwiseKernel<R, Stride, Mirrored, Out, Count, Load, Store, Take>;
  Kernel kernel{{N, P, Q, C, 1}, w, load, store, take, nullptr};
  const std::int64_t groups = kernel.tiles.groups(), tiles = kernel.tiles.tiles();
  const std::int64_t members = Count > 0 ? members_of(tiles, groups) : tiles;
  kernel.tiles.members = members;
  if constexpr (Count > 0) {
    if (members > 1) {
      Tensor room = doubles(members * Count * C);
      kernel.partial = room.mutable_data<double>();
      return for_groups(op, groups, members, Kernel::Tiles::kThreads, Kernel::kShared, kernel, Join<Kernel>{kernel});
    }
  }
  for_blocks(op, groups * members, Kernel::Tiles::kThreads, Kernel::kShared, kernel);
}

// Small maps take small tiles.
template <int R, int Stride, bool Mirrored, int Count, class Load, class Store, class Take>
void depthwise_tiles(const char* op, std::int64_t N, std::int64_t P, std::int64_t Q, std::int64_t C, const float* w, Load load,
                     Store store, Take take) {
  P <= 4 && Q <= 4 ? launch_tiles<R, Stride, Mirrored, 4, Count>(op, N, P, Q, C, w, load, store, take)
                   : launch_tiles<R, Stride, Mirrored, 8, Count>(op, N, P, Q, C, w, load, store, take);
}

inline bool has_depthwise_tiles(const ConvShape& z) {
  return z.R == z.S && (z.R == 3 || z.R == 5) && (z.stride == 1 || z.stride == 2);
}

// The padded map of value(row, c), row = (n H + h) W + v.
template <class Value>
struct PaddedMap {
  ConvShape z;
  Value value;
  VITRINE_HD float operator()(std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) const {
    const std::int64_t h = row - z.padding.top, v = column - z.padding.left;
    return h < 0 || h >= z.H || v < 0 || v >= z.W ? 0.0f : value((n * z.H + h) * z.W + v, c);
  }
};

// The map of the output's gradient value(row, c), row = (n P + p) Q + q, with stride - 1 zeros between its pixels.
template <class Value>
struct SpreadMap {
  ConvShape z;
  Value value;
  VITRINE_HD float operator()(std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c) const {
    const std::int64_t up = row - (z.R - 1 - z.padding.top), left = column - (z.S - 1 - z.padding.left);
    const std::int64_t off = z.stride - 1;  // 0, or the lowest bit
    if (up < 0 || left < 0 || ((up | left) & off) != 0) return 0.0f;
    const std::int64_t p = up >> off, q = left >> off;
    return p >= z.P || q >= z.Q ? 0.0f : value((n * z.P + p) * z.Q + q, c);
  }
};

// out(row, c, y, acc): the depthwise convolution of value(row, c) with w [R, S, C], has_depthwise_tiles(z); take(0, c, sums).
template <int Count, class Value, class Out, class Take>
void depthwise_forward(const char* op, const ConvShape& z, const float* w, Value value, Out out, Take take) {
  const std::int64_t P = z.P, Q = z.Q;
  const PaddedMap<Value> load{z, value};
  const auto store = [=] VITRINE_HD(std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t c, float y, double* acc) {
    out((n * P + p) * Q + q, c, y, acc);
  };
  if (z.R == 3) {
    z.stride == 1 ? depthwise_tiles<3, 1, false, Count>(op, z.N, P, Q, z.C, w, load, store, take)
                  : depthwise_tiles<3, 2, false, Count>(op, z.N, P, Q, z.C, w, load, store, take);
  } else {
    z.stride == 1 ? depthwise_tiles<5, 1, false, Count>(op, z.N, P, Q, z.C, w, load, store, take)
                  : depthwise_tiles<5, 2, false, Count>(op, z.N, P, Q, z.C, w, load, store, take);
  }
}

// out(row, c, dx): its gradient by the input, from the output's gradient value(row, c).
template <class Value, class Out>
void depthwise_backward_data(const char* op, const ConvShape& z, const float* w, Value value, Out out) {
  const std::int64_t H = z.H, W = z.W;
  const SpreadMap<Value> load{z, value};
  const auto store = [=] VITRINE_HD(std::int64_t n, std::int64_t h, std::int64_t v, std::int64_t c, float dx, double*) {
    out((n * H + h) * W + v, c, dx);
  };
  z.R == 3 ? depthwise_tiles<3, 1, true, 0>(op, z.N, H, W, z.C, w, load, store, TakeNothing{})
           : depthwise_tiles<5, 1, true, 0>(op, z.N, H, W, z.C, w, load, store, TakeNothing{});
}

}  // namespace vitrine::cuda
