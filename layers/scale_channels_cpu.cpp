#include "layers/scale_channels.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(const float* x, const float* s, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  parallel_for(N * pixels, 1 + 8192 / C, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const float* scale = s + row / pixels * C;
      std::int64_t c = 0;
      for (; c + kLanes <= C; c += kLanes) store(y + row * C + c, load(x + row * C + c) * load(scale + c));
      const int rest = static_cast<int>(C - c);
      if (rest > 0) store_partial(y + row * C + c, load_partial(x + row * C + c, rest) * load_partial(scale + c, rest), rest);
    }
  });
}

void backward_scale(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* ds) {
  const std::int64_t blocks = (C + kLanes - 1) / kLanes;
  parallel_for(N * blocks, 1 + 2000 / (pixels + 1), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t job = first; job < last; ++job) {
      const std::int64_t n = job / blocks, c = job % blocks * kLanes;
      const int lanes = static_cast<int>(C - c < kLanes ? C - c : kLanes);
      D sum = {};
      for (std::int64_t p = 0; p < pixels; ++p) {
        const std::int64_t at = (n * pixels + p) * C + c;
        sum = fma(widen(load_partial(dy + at, lanes)), widen(load_partial(x + at, lanes)), sum);
      }
      store_partial(ds + n * C + c, narrow(sum), lanes);
    }
  });
}

}  // namespace

extern const ScaleChannelsKernels scale_channels_table;
const ScaleChannelsKernels scale_channels_table = {forward, backward_scale};

}  // namespace vitrine::kernels::VITRINE_ISA
