#include "layers/unary_cpu.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(Unary f, const float* x, std::int64_t n, float* y) {
  with_unary<Lanes>(f, [&](auto function) { apply(function, x, n, y); });
}

void backward(Unary f, const float* x, const float* dy, std::int64_t n, float* dx) {
  with_unary<Lanes>(f, [&](auto function) { apply_gradient(function, x, dy, n, dx); });
}

}  // namespace

extern const UnaryKernels unary_table;
const UnaryKernels unary_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA
