#include "layers/swish.h"

#include "layers/kernels/activation_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::cpu::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 4096;  // elements; a smaller part is not worth waking a thread

void forward(const float* x, std::int64_t n, float* y) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(y + i, SwishFunction::value(load(x + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(y + i, SwishFunction::value(load_partial(x + i, rest)), rest);
  });
}

void backward(const float* x, const float* dy, std::int64_t n, float* dx) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(dx + i, load(dy + i) * SwishFunction::slope(load(x + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(dx + i, load_partial(dy + i, rest) * SwishFunction::slope(load_partial(x + i, rest)), rest);
  });
}

}  // namespace

extern const SwishKernels swish_table;
const SwishKernels swish_table = {forward, backward};

}  // namespace vitrine::cpu::VITRINE_ISA
