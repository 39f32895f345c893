#include "layers/softmax.h"

#include "layers/kernels/exponentials_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(const float* x, std::int64_t rows, std::int64_t C, float* y) {
  parallel_for(rows, rows_for_a_thread(C), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      float* const to = y + n * C;
      const D share = broadcast_double(1 / exponentials(x + n * C, C, to).sum);
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = lanes_of(C, c);
        store_partial(to + c, narrow(widen(load_partial(to + c, lanes)) * share), lanes);
      }
    }
  });
}

void backward(const float* y, const float* dy, std::int64_t rows, std::int64_t C, float* dx) {
  parallel_for(rows, rows_for_a_thread(C), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const float *const share = y + n * C, *const gradient = dy + n * C;
      const D sum = broadcast_double(interleaved_sum(C, [&](std::int64_t c, int lanes) {
        return widen(load_partial(gradient + c, lanes)) * widen(load_partial(share + c, lanes));
      }));
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = lanes_of(C, c);
        const D rest = widen(load_partial(gradient + c, lanes)) - sum;
        store_partial(dx + n * C + c, narrow(widen(load_partial(share + c, lanes)) * rest), lanes);
      }
    }
  });
}

}  // namespace

extern const SoftmaxKernels softmax_table;
const SoftmaxKernels softmax_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA
