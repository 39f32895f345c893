#include "layers/multiply.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void product(const float* a, const float* b, std::int64_t n, float* y) {
  for_each("multiply", n, [=] VITRINE_HD(std::int64_t i) { y[i] = a[i] * b[i]; });
}

}  // namespace

extern const kernels::MultiplyKernels multiply_table;
const kernels::MultiplyKernels multiply_table = {product};

}  // namespace vitrine::cuda
