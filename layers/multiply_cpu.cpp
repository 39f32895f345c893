#include "layers/multiply.h"
#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 16384;

void product(const float* a, const float* b, std::int64_t n, float* y) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(y + i, load(a + i) * load(b + i));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(y + i, load_partial(a + i, rest) * load_partial(b + i, rest), rest);
  });
}

}  // namespace

extern const MultiplyKernels multiply_table;
const MultiplyKernels multiply_table = {product};

}  // namespace vitrine::kernels::VITRINE_ISA
