// Both gradients of a depthwise convolution in one pass over its input, for the run-to-run tier of the CUDA back end.
//
// The gradient dy lies in shared memory as the map that the input's gradient is a convolution of (SpreadMap). A pixel of the input meets
// each value of its window twice, in dx and in dw, for one read:
//   dx(h, v) = sum over taps of dilated(h, v, tap) w(tap)          dw(tap) = sum over pixels of dilated(h, v, tap) x(h, v)
// Sums for dw: float32 over at most 1,024 pixels of a thread, the threads' and the blocks' sums in float64, all in order.
#pragma once

#include "layers/kernels/depthwise_tile_cuda.h"

namespace vitrine::cuda {

// input(row, c): x, read for dw. gradient(row, c): dy. store(row, c, dx, acc) takes dx, with Data, and adds two quantities to acc, whose
// sums go to `sums`.
template <int R, int Out, bool Data, class Gradient, class Input, class Store>
struct DepthwiseSweep {
  using Tiles = Tiling<Out>;
  static constexpr int kIn = Out + R - 1, kTaps = R * R, kChannels = Tiles::kChannels, kThreads = Tiles::kThreads;
  static constexpr int kTile = kIn * kIn * kChannels, kLanes = kTaps * kThreads, kSums = Data ? 2 : 1;
  static constexpr int kDoubles = 2 * kSums * kThreads;
  static constexpr std::size_t kShared = std::max({kTile, kLanes, kDoubles});
  static constexpr std::int64_t kMostTiles = 1024 / Out;  // of a block
  static constexpr int kAtOnce = R == 5 ? 5 : 7;          // reads under way: as many as registers are left for
  static constexpr int kBlocksAtOnce = R == 5 && Out == 8 ? 1 : 2;
  Tiles tiles;
  ConvShape z;
  const float* w;
  Gradient gradient;
  Input input;
  Store store;
  float* partial;  // [members][R R][C]
  double* sums;    // [members][2][C]

  VITRINE_HD void row(int t, const typename Tiles::Tile& at, std::int64_t c, const float* tile, float* taps,
                      double* acc) const {
    const std::int64_t h = at.p + t / kChannels;
    if (c >= z.C || h >= z.H) return;
    const std::int64_t first = (at.n * z.H + h) * z.W + at.q;
    float x[Out], dx[Out] = {};
    VITRINE_UNROLL
    for (int j = 0; j < Out; ++j) x[j] = at.q + j < z.W ? input(first + j, c) : 0.0f;
    VITRINE_UNROLL
    for (int r = 0; r < R; ++r) {
      if (((h + z.padding.top - r) & (z.stride - 1)) != 0) continue;  // a row of zeros
      float seen[kIn];
      VITRINE_UNROLL
      for (int i = 0; i < kIn; ++i) seen[i] = tile[((t / kChannels + R - 1 - r) * kIn + i) * kChannels + t % kChannels];
      VITRINE_UNROLL
      for (int s = 0; s < R; ++s) {
        const float tap = Data ? constant(w + (r * R + s) * z.C + c) : 0.0f;
        VITRINE_UNROLL
        for (int j = 0; j < Out; ++j) {
          if constexpr (Data) dx[j] = std::fma(seen[j + R - 1 - s], tap, dx[j]);
          taps[r * R + s] = std::fma(seen[j + R - 1 - s], x[j], taps[r * R + s]);
        }
      }
    }
    if constexpr (Data) {
      VITRINE_UNROLL
      for (int j = 0; j < Out; ++j) {
        if (at.q + j < z.W) store(first + j, c, dx[j], acc);
      }
    }
  }

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t groups = tiles.groups(), member = block.index / groups, c0 = block.index % groups * kChannels;
    const SpreadMap<Gradient> load{z, gradient};
    Registers<float, kTaps> taps(block);
    Registers<double, kSums> acc(block);
    for (std::int64_t tile = member; tile < tiles.tiles(); tile += tiles.members) {
      const typename Tiles::Tile at = tiles.at(tile);
      block.each([&](int t) { fill_tile<kIn, kThreads, kAtOnce>(t, at.n, at.p, at.q, c0, z.C, load, block.shared); });
      block.each([&](int t) { row(t, at, c0 + t % kChannels, block.shared, taps.of(t), acc.of(t)); });
    }
    block.each([&](int t) {
      VITRINE_UNROLL
      for (int i = 0; i < kTaps; ++i) block.shared[i * kThreads + t] = taps.of(t)[i];
    });
    block.each([&](int t) {
      for (int i = t; i < kTaps * kChannels; i += kThreads) {
        const int tap = i / kChannels, channel = i % kChannels;
        double total = 0;
        for (int lane = 0; lane < Out; ++lane)
          total += static_cast<double>(block.shared[tap * kThreads + lane * kChannels + channel]);
        if (c0 + channel < z.C) partial[(member * kTaps + tap) * z.C + c0 + channel] = static_cast<float>(total);
      }
    });
    if constexpr (Data) {
      join_lanes<2>(block, acc, c0, z.C, [&](std::int64_t c, const double* of) {
        for (int i = 0; i < 2; ++i) sums[(member * 2 + i) * z.C + c] = of[i];
      });
    }
  }
};

// What the members of a sweep left becomes dw and, with Data, what `take` wants: 32 columns to a block. Their last blocks would have to read
// hundreds of sums each; here a whole GPU does.
template <bool Data, class Take>
struct SweepJoin {
  static constexpr int kColumns = 32, kThreads = 256;
  static constexpr std::size_t kShared = 2 * 2 * kThreads;
  std::int64_t members, size, C;  // size: of dw
  const float* partial;
  const double* sums;
  float* dw;
  Take take;

  VITRINE_HD static std::int64_t blocks(std::int64_t columns) { return (columns + kColumns - 1) / kColumns; }
  VITRINE_HD std::int64_t blocks() const { return blocks(size) + (Data ? blocks(C) : 0); }
  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t own = block.index - blocks(size);
    if (own < 0) {
      join_parts<1>(block, partial, members, size, block.index * kColumns, size,
                    [&](std::int64_t at, const double* sum) { dw[at] = static_cast<float>(*sum); });
    } else {
      join_parts<2>(block, sums, members, 2 * C, own * kColumns, C, [&](std::int64_t c, const double* of) { take(0, c, of); });
    }
  }
};

template <int R, int Out, bool Data, class Gradient, class Input, class Store, class Take>
void launch_sweep(const char* op, const ConvShape& z, const float* w, Gradient gradient, Input input, Store store, Take take,
                  float* dw) {
  using Kernel = DepthwiseSweep<R, Out, Data, Gradient, Input, Store>;
  Kernel kernel{{z.N, z.H, z.W, z.C, 1}, z, w, gradient, input, store, nullptr, nullptr};
  const std::int64_t groups = kernel.tiles.groups(), tiles = kernel.tiles.tiles();
  const std::int64_t busy = 3 * kBusyBlocks / 2 / groups, least = (tiles + Kernel::kMostTiles - 1) / Kernel::kMostTiles;
  const std::int64_t members = std::min(tiles, std::max<std::int64_t>({1, busy, least}));
  kernel.tiles.members = members;
  Tensor room = Tensor::uninitialized({members, z.R * z.S, z.C}, current());
  Tensor room_for_sums = doubles(members * 2 * z.C);
  kernel.partial = room.mutable_data();
  kernel.sums = room_for_sums.mutable_data<double>();
  for_blocks(op, groups * members, Kernel::kThreads, Kernel::kShared, kernel);
  const SweepJoin<Data, Take> join{members, z.R * z.S * z.C, z.C, kernel.partial, kernel.sums, dw, take};
  for_blocks(op, join.blocks(), join.kThreads, join.kShared, join);
}

// has_depthwise_tiles(z). Small maps take small tiles.
template <bool Data, class Gradient, class Input, class Store, class Take>
void depthwise_sweep(const char* op, const ConvShape& z, const float* w, Gradient gradient, Input input, Store store, Take take,
                     float* dw) {
  if (z.R == 3) {
    z.H <= 4 && z.W <= 4 ? launch_sweep<3, 4, Data>(op, z, w, gradient, input, store, take, dw)
                         : launch_sweep<3, 8, Data>(op, z, w, gradient, input, store, take, dw);
  } else {
    z.H <= 4 && z.W <= 4 ? launch_sweep<5, 4, Data>(op, z, w, gradient, input, store, take, dw)
                         : launch_sweep<5, 8, Data>(op, z, w, gradient, input, store, take, dw);
  }
}

}  // namespace vitrine::cuda
