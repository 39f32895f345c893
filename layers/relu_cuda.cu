#include "layers/relu.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, std::int64_t n, float* y) {
  for_each("relu", n, [=] VITRINE_HD(std::int64_t i) { y[i] = x[i] < 0.0f ? 0.0f : x[i]; });
}

void backward(const float* x, const float* dy, std::int64_t n, float* dx) {
  for_each("relu", n, [=] VITRINE_HD(std::int64_t i) { dx[i] = x[i] > 0.0f ? dy[i] : 0.0f; });
}

}  // namespace

extern const cpu::ReluKernels relu_table;
const cpu::ReluKernels relu_table = {forward, backward};

}  // namespace vitrine::cuda
