#include "layers/dropout.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void apply(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y) {
  parallel_for(N * size, 8192, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; i += kLanes) {
      const int lanes = static_cast<int>(last - i < kLanes ? last - i : kLanes);
      store_partial(y + i, load_partial(x + i, lanes) * load_partial(factor + i, lanes), lanes);
    }
  });
}

}  // namespace

extern const DropoutKernels dropout_table;
const DropoutKernels dropout_table = {dropout_factors, apply};

}  // namespace vitrine::kernels::VITRINE_ISA
