// Sums over segments on the CPU, as sum_of_segments (layers/blocks/batch_statistics.h) has them, for many elements at once.
#pragma once

#include <cstdint>

namespace vitrine::kernels {

struct SegmentSumKernels {
  // out[i] = the sum over segments of element first + i of `size`, i < count.
  void (*sums)(const double* partial, std::int64_t segments, std::int64_t size, std::int64_t first, std::int64_t count,
               double* out);
  // Columns first .. last of NormSumsKernels::weights.
  void (*weights)(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
                  std::int64_t first, std::int64_t last, float* out);
};
const SegmentSumKernels& segment_sum_kernels();  // those of this machine

}  // namespace vitrine::kernels
