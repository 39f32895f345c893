#include "layers/kernels/activation_cuda.h"
#include "layers/swish.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, std::int64_t n, float* y) {
  for_each("swish", n, [=] VITRINE_HD(std::int64_t i) { y[i] = Swish::value(x[i]); });
}

void backward(const float* x, const float* dy, std::int64_t n, float* dx) {
  for_each("swish", n, [=] VITRINE_HD(std::int64_t i) { dx[i] = dy[i] * Swish::slope(x[i]); });
}

}  // namespace

extern const cpu::SwishKernels swish_table;
const cpu::SwishKernels swish_table = {forward, backward};

}  // namespace vitrine::cuda
