#include "layers/log_softmax.h"

#include "layers/kernels/exponentials_cuda.h"
#include "tensor/cuda/launch.h"
#include "tensor/math_host_device.h"

namespace vitrine::cuda {
namespace {

VITRINE_HD double row_sum(const float* values, std::int64_t C) {
  return interleaved_sum(C, [&](std::int64_t c) { return static_cast<double>(values[c]); });
}

// A row to a thread: its sums have one order.
void forward(const float* x, std::int64_t rows, std::int64_t C, float* y) {
  for_each("log_softmax", rows, [=] VITRINE_HD(std::int64_t n) {
    const RowSum row = exponentials(x + n * C, C, y + n * C);
    const double most = static_cast<double>(row.most), log_sum = host_device::log_portable(row.sum);
    for (std::int64_t c = 0; c < C; ++c) y[n * C + c] = static_cast<float>(static_cast<double>(x[n * C + c]) - most - log_sum);
  });
}

void backward(const float* y, const float* dy, std::int64_t rows, std::int64_t C, float* dx) {
  for_each("log_softmax", rows, [=] VITRINE_HD(std::int64_t n) {
    const double sum = row_sum(dy + n * C, C);
    for (std::int64_t c = 0; c < C; ++c) {
      const double share = static_cast<double>(Elementary<OneFloat>::exp(y[n * C + c]));
      dx[n * C + c] = static_cast<float>(static_cast<double>(dy[n * C + c]) - share * sum);
    }
  });
}

}  // namespace

extern const kernels::LogSoftmaxKernels log_softmax_table;
const kernels::LogSoftmaxKernels log_softmax_table = {forward, backward};

}  // namespace vitrine::cuda
