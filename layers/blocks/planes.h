// Planes: how the expanded tensors of an MBConv lie in memory while one op works on them, [ceil(M / 16)][rows + 5][16].
//
// A vector of 16 channels of one image is then one run of memory, which the processor fetches ahead; in NHWC it would be 64 bytes here
// and there, and most of the time would be spent waiting. The five rows that nobody uses keep planes from lying a power of two apart,
// where all of them would compete for the same few lines of the cache.
#pragma once

#include <cstdint>

namespace vitrine::kernels {

inline constexpr std::int64_t kPlane = 16;  // channels
inline constexpr std::int64_t kSlab = 48;   // channels that are worked on together (layers/blocks/slab_cpu.h)

inline constexpr std::int64_t plane_rows(std::int64_t rows) { return rows + 5; }
inline constexpr std::int64_t plane_floats(std::int64_t rows, std::int64_t channels) {
  return (channels + kPlane - 1) / kPlane * plane_rows(rows) * kPlane;
}

}  // namespace vitrine::kernels
