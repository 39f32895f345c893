#include "layers/relu.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::cpu::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 16384;  // elements; a smaller part is not worth waking a thread

F clipped(F x) { return max(zero(), x); }  // the second operand where one of the two is NaN
F gradient(F x, F dy) { return select(x > zero(), dy, zero()); }

void forward(const float* x, std::int64_t n, float* y) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(y + i, clipped(load(x + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(y + i, clipped(load_partial(x + i, rest)), rest);
  });
}

void backward(const float* x, const float* dy, std::int64_t n, float* dx) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(dx + i, gradient(load(x + i), load(dy + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(dx + i, gradient(load_partial(x + i, rest), load_partial(dy + i, rest)), rest);
  });
}

}  // namespace

extern const ReluKernels relu_table;
const ReluKernels relu_table = {forward, backward};

}  // namespace vitrine::cpu::VITRINE_ISA
