// The same tree over arrays of lanes, for kernels (see layers/kernels/pairwise.h): `width` double vectors per level, no allocation.
#pragma once

#include <cstdint>

#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

inline constexpr std::int64_t kDotTerms = 128;     // layers/kernels/pairwise.h kDotChunk
inline constexpr std::int64_t kChunkTerms = 1024;  // layers/kernels/pairwise.h kChunk
inline constexpr int kTreeLevels = 32;             // chunks are counted in 32 bits

template <int Width>
struct PairwiseLanes {
  D level[kTreeLevels][Width];
  std::uint32_t count = 0;

  void push(const D (&value)[Width]) {
    D carry[Width];
    for (int i = 0; i < Width; ++i) carry[i] = value[i];
    int at = 0;
    for (std::uint32_t n = count; n & 1; n >>= 1, ++at) {
      for (int i = 0; i < Width; ++i) carry[i] = level[at][i] + carry[i];
    }
    for (int i = 0; i < Width; ++i) level[at][i] = carry[i];
    ++count;
  }
  void push(const F (&value)[Width]) {
    D exact[Width];
    for (int i = 0; i < Width; ++i) exact[i] = widen(value[i]);
    push(exact);
  }
  void sum(D (&total)[Width]) const {
    for (int i = 0; i < Width; ++i) total[i] = D{};
    bool any = false;
    for (int at = 0; at < kTreeLevels; ++at) {
      if (((count >> at) & 1) == 0) continue;
      for (int i = 0; i < Width; ++i) total[i] = any ? level[at][i] + total[i] : level[at][i];
      any = true;
    }
  }
};

}  // namespace vitrine::kernels::VITRINE_ISA
