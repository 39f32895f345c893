#include "layers/drop_connect.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void apply(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y) {
  parallel_for(N, 1 + 8192 / size, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const F m = broadcast(factor[n]);
      for (std::int64_t e = 0; e < size; e += kLanes) {
        const int lanes = static_cast<int>(size - e < kLanes ? size - e : kLanes);
        store_partial(y + n * size + e, load_partial(x + n * size + e, lanes) * m, lanes);
      }
    }
  });
}

}  // namespace

extern const DropConnectKernels drop_connect_table;
const DropConnectKernels drop_connect_table = {drop_connect_factors, apply};

}  // namespace vitrine::kernels::VITRINE_ISA
