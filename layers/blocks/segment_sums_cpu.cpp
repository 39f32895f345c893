#include "layers/blocks/segment_sums.h"
#include "layers/kernels/transpose_cpu.h"
#include "tensor/double_lanes.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

HalfD sum_at(const double* at, std::int64_t segments, std::int64_t size) {
  HalfD total = load_half(at);
  for (std::int64_t s = 1; s < segments; ++s) total += load_half(at + s * size);
  return total;
}
double one_sum_at(const double* at, std::int64_t segments, std::int64_t size) {
  double total = *at;
  for (std::int64_t s = 1; s < segments; ++s) total += at[s * size];
  return total;
}

void sums(const double* partial, std::int64_t segments, std::int64_t size, std::int64_t first, std::int64_t count,
          double* out) {
  const double* const at = partial + first;
  std::int64_t i = 0;
  for (; i + kHalfLanes <= count; i += kHalfLanes) store_half(out + i, sum_at(at + i, segments, size));
  for (; i < count; ++i) out[i] = one_sum_at(at + i, segments, size);
}

// `lanes` sums, rounded.
F rounded_sums(const double* at, std::int64_t segments, std::int64_t size, int lanes) {
  if (lanes == kLanes) return narrow({sum_at(at, segments, size), sum_at(at + kHalfLanes, segments, size)});
  F sum = zero();
  for (int i = 0; i < lanes; ++i) sum[i] = static_cast<float>(one_sum_at(at + i, segments, size));
  return sum;
}

void weights(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
             std::int64_t first, std::int64_t last, float* out) {
  const std::int64_t size = rows * columns;
  for (std::int64_t r = 0; r < rows; r += kLanes) {
    const int height = lanes_of(rows, r);
    for (std::int64_t c = first; c < last; c += kLanes) {
      const int lanes = lanes_of(last, c);
      float square[kLanes * kLanes];
      float* const to = transposed ? square : out + r * columns + c;
      const std::int64_t ldt = transposed ? kLanes : columns;
      for (int i = 0; i < height; ++i)
        store_partial(to + i * ldt, rounded_sums(partial + (r + i) * columns + c, segments, size, lanes), lanes);
      if (transposed) transpose_square(square, kLanes, height, lanes, out + c * rows + r, rows);
    }
  }
}

}  // namespace

extern const SegmentSumKernels segment_sum_table;
const SegmentSumKernels segment_sum_table = {sums, weights};

}  // namespace vitrine::kernels::VITRINE_ISA
