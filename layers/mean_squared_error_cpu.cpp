#include "layers/mean_squared_error.h"

#include "layers/kernels/interleaved_sum_cpu.h"
#include "layers/kernels/pairwise_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

void forward(const float* x, const float* t, std::int64_t n, double* partial, float* loss) {
  const std::int64_t chunks = (n + kErrorChunk - 1) / kErrorChunk;
  parallel_for(chunks, 8, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t start = chunk * kErrorChunk;
      partial[chunk] = interleaved_sum(smaller(kErrorChunk, n - start), [&](std::int64_t i, int lanes) {
        const D difference = widen(load_partial(x + start + i, lanes)) - widen(load_partial(t + start + i, lanes));
        return difference * difference;
      });
    }
  });
  PairwiseLanes<1> tree;  // every lane holds the same
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const D sum[1] = {broadcast_double(partial[chunk])};
    tree.push(sum);
  }
  D total[1];
  tree.sum(total);
  *loss = static_cast<float>(total[0].low[0] / static_cast<double>(n));
}

void backward(const float* x, const float* t, const float* dloss, std::int64_t n, float* dx) {
  const D factor = broadcast_double(2 * static_cast<double>(*dloss) / static_cast<double>(n));
  parallel_for(n, 4096, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; i += kLanes) {
      const int lanes = lanes_of(last, i);
      store_partial(dx + i, narrow(factor * (widen(load_partial(x + i, lanes)) - widen(load_partial(t + i, lanes)))), lanes);
    }
  });
}

}  // namespace

extern const MeanSquaredErrorKernels mean_squared_error_table;
const MeanSquaredErrorKernels mean_squared_error_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA
