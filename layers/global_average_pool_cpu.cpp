#include "layers/global_average_pool.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  const std::int64_t blocks = (C + kLanes - 1) / kLanes;
  const D count = broadcast_double(static_cast<double>(pixels));
  parallel_for(N * blocks, 1 + 2000 / pixels, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t job = first; job < last; ++job) {
      const std::int64_t n = job / blocks, c = job % blocks * kLanes;
      const int lanes = static_cast<int>(C - c < kLanes ? C - c : kLanes);
      D sum = {};
      for (std::int64_t p = 0; p < pixels; ++p) sum = sum + widen(load_partial(x + (n * pixels + p) * C + c, lanes));
      store_partial(y + n * C + c, narrow(sum / count), lanes);
    }
  });
}

void backward(const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx) {
  const F count = broadcast(static_cast<float>(pixels));
  parallel_for(N, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = static_cast<int>(C - c < kLanes ? C - c : kLanes);
        const F share = load_partial(dy + n * C + c, lanes) / count;
        for (std::int64_t p = 0; p < pixels; ++p) store_partial(dx + (n * pixels + p) * C + c, share, lanes);
      }
    }
  });
}

}  // namespace

extern const GlobalAveragePoolKernels global_average_pool_table;
const GlobalAveragePoolKernels global_average_pool_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA
