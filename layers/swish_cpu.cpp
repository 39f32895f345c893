#include "layers/swish.h"
#include "tensor/parallel.h"
#include "tensor/simd_math.h"

namespace vitrine::cpu::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 4096;  // elements; a smaller part is not worth waking a thread

F swish(F x) { return x * sigmoid(x); }

F swish_gradient(F x, F dy) {
  const F one = broadcast(1.0f);
  const F s = sigmoid(x);
  return dy * s * fma(x, one - s, one);
}

void forward(const float* x, std::int64_t n, float* y) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(y + i, swish(load(x + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(y + i, swish(load_partial(x + i, rest)), rest);
  });
}

void backward(const float* x, const float* dy, std::int64_t n, float* dx) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(dx + i, swish_gradient(load(x + i), load(dy + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(dx + i, swish_gradient(load_partial(x + i, rest), load_partial(dy + i, rest)), rest);
  });
}

}  // namespace

extern const SwishKernels swish_table;
const SwishKernels swish_table = {forward, backward};

}  // namespace vitrine::cpu::VITRINE_ISA
