#include "layers/softmax.h"

#include "layers/kernels/exponentials_cuda.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

VITRINE_HD double product_sum(const float* a, const float* b, std::int64_t C) {
  return interleaved_sum(C, [&](std::int64_t c) { return static_cast<double>(a[c]) * static_cast<double>(b[c]); });
}

// A row to a thread: its sums have one order.
void forward(const float* x, std::int64_t rows, std::int64_t C, float* y) {
  for_each("softmax", rows, [=] VITRINE_HD(std::int64_t n) {
    float* const to = y + n * C;
    const double share = 1 / exponentials(x + n * C, C, to).sum;
    for (std::int64_t c = 0; c < C; ++c) to[c] = static_cast<float>(static_cast<double>(to[c]) * share);
  });
}

void backward(const float* y, const float* dy, std::int64_t rows, std::int64_t C, float* dx) {
  for_each("softmax", rows, [=] VITRINE_HD(std::int64_t n) {
    const float *const share = y + n * C, *const gradient = dy + n * C;
    const double sum = product_sum(gradient, share, C);
    for (std::int64_t c = 0; c < C; ++c)
      dx[n * C + c] = static_cast<float>(static_cast<double>(share[c]) * (static_cast<double>(gradient[c]) - sum));
  });
}

}  // namespace

extern const kernels::SoftmaxKernels softmax_table;
const kernels::SoftmaxKernels softmax_table = {forward, backward};

}  // namespace vitrine::cuda
