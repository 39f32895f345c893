#include "layers/log_softmax.h"

#include "layers/kernels/exponentials_cpu.h"
#include "tensor/math.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(const float* x, std::int64_t rows, std::int64_t C, float* y) {
  parallel_for(rows, rows_for_a_thread(C), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const RowSum row = exponentials(x + n * C, C, y + n * C);
      const D most = broadcast_double(static_cast<double>(row.most)), log_sum = broadcast_double(log_portable(row.sum));
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = lanes_of(C, c);
        store_partial(y + n * C + c, narrow(widen(load_partial(x + n * C + c, lanes)) - most - log_sum), lanes);
      }
    }
  });
}

void backward(const float* y, const float* dy, std::int64_t rows, std::int64_t C, float* dx) {
  parallel_for(rows, rows_for_a_thread(C), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const D sum = broadcast_double(
          interleaved_sum(C, [&](std::int64_t c, int lanes) { return widen(load_partial(dy + n * C + c, lanes)); }));
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = lanes_of(C, c);
        const D share = widen(exp(load_partial(y + n * C + c, lanes)));
        store_partial(dx + n * C + c, narrow(widen(load_partial(dy + n * C + c, lanes)) - share * sum), lanes);
      }
    }
  });
}

}  // namespace

extern const LogSoftmaxKernels log_softmax_table;
const LogSoftmaxKernels log_softmax_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA
