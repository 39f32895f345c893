#include "layers/dropout.h"

#include "tensor/parallel.h"
#include "tensor/philox_lanes.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

// A block of draws in every lane of 64 bits: factors 4 e .. 4 e + 3.
void row(const Draw& draw, double rate, std::int64_t size, float* factor) {
  const auto kept = static_cast<float>(1.0 / (1.0 - rate));
  const auto low = static_cast<std::uint32_t>(draw.seed), high = static_cast<std::uint32_t>(draw.seed >> 32);
  for (std::int64_t e = 0; e < size; e += 4 * kHalfLanes) {
    const PhiloxBlock block =
        philox({broadcast_word(draw.sample), broadcast_word(draw.epoch << 8 | static_cast<std::uint32_t>(draw.purpose)),
                broadcast_word(draw.op), counted_from(static_cast<std::uint32_t>(e / 4))},
               low, high);
    const Words words[4] = {block.w0, block.w1, block.w2, block.w3};
    float values[4 * kHalfLanes];
    for (int i = 0; i < 4; ++i) {
      const HalfI dropped = low_halves((words[i] & 0xFFFFFFFFu) >> 8) * 0x1p-24 < rate;
      for (int lane = 0; lane < kHalfLanes; ++lane) values[4 * lane + i] = dropped[lane] != 0 ? 0.0f : kept;
    }
    std::memcpy(factor + e, values, static_cast<std::size_t>(smaller(4 * kHalfLanes, size - e)) * sizeof(float));
  }
}

void apply(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y) {
  parallel_for(N * size, 8192, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; i += kLanes) {
      const int lanes = static_cast<int>(last - i < kLanes ? last - i : kLanes);
      store_partial(y + i, load_partial(x + i, lanes) * load_partial(factor + i, lanes), lanes);
    }
  });
}

}  // namespace

extern const DropoutKernels dropout_table;
const DropoutKernels dropout_table = {dropout_factors, row, apply};

}  // namespace vitrine::kernels::VITRINE_ISA
