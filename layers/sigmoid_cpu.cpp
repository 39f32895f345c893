#include "layers/sigmoid.h"

#include "tensor/parallel.h"
#include "tensor/simd_math.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 4096;  // elements; a smaller part is not worth waking a thread

void forward(const float* x, std::int64_t n, float* y) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(y + i, sigmoid(load(x + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(y + i, sigmoid(load_partial(x + i, rest)), rest);
  });
}

void backward(const float* y, const float* dy, std::int64_t n, float* dx) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(dx + i, sigmoid_gradient(load(y + i), load(dy + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(dx + i, sigmoid_gradient(load_partial(y + i, rest), load_partial(dy + i, rest)), rest);
  });
}

}  // namespace

extern const SigmoidKernels sigmoid_table;
const SigmoidKernels sigmoid_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA
