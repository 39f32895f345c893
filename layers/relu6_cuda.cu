#include "layers/kernels/activation_cuda.h"
#include "layers/relu6.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, std::int64_t n, float* y) {
  for_each("relu6", n, [=] VITRINE_HD(std::int64_t i) { y[i] = Relu6::value(x[i]); });
}

void backward(const float* x, const float* dy, std::int64_t n, float* dx) {
  for_each("relu6", n, [=] VITRINE_HD(std::int64_t i) { dx[i] = x[i] > 0.0f && x[i] < 6.0f ? dy[i] : 0.0f; });
}

}  // namespace

extern const cpu::Relu6Kernels relu6_table;
const cpu::Relu6Kernels relu6_table = {forward, backward};

}  // namespace vitrine::cuda
