#include "layers/linear.h"

#include "layers/kernels/weight_gradient_cpu.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(const float* x, const float* w, const float* b, std::int64_t N, std::int64_t C, std::int64_t K, float* y) {
  product(x, w, b, N, C, K, y);
}

void backward_data(const float* dy, const float* w, std::int64_t N, std::int64_t C, std::int64_t K, float* scratch, float* dx) {
  transpose(w, C, K, scratch);
  product(dy, scratch, nullptr, N, K, C, dx);
}

void backward_weights(const float* x, const float* dy, std::int64_t N, std::int64_t C, std::int64_t K, float* dw) {
  weight_gradient({N, 1, 1, C, 1, 1, K, 1, 1, 1, {}}, x, dy, nullptr, dw);
}

}  // namespace

extern const LinearKernels linear_table;
const LinearKernels linear_table = {forward, backward_data, backward_weights, bias_gradient, transpose};

}  // namespace vitrine::kernels::VITRINE_ISA
