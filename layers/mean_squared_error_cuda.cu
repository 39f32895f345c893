#include "layers/mean_squared_error.h"

#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/interleaved_sum_cuda.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

VITRINE_HD double squared_error(const float* x, const float* t, std::int64_t count) {
  return interleaved_sum(count, [&](std::int64_t i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(t[i]);
    return difference * difference;
  });
}

void forward(const float* x, const float* t, std::int64_t n, double* partial, float* loss) {
  const std::int64_t chunks = (n + kernels::kErrorChunk - 1) / kernels::kErrorChunk;
  for_each("mean_squared_error", chunks, [=] VITRINE_HD(std::int64_t chunk) {
    const std::int64_t first = chunk * kernels::kErrorChunk, rest = n - first;
    partial[chunk] = squared_error(x + first, t + first, rest < kernels::kErrorChunk ? rest : kernels::kErrorChunk);
  });
  for_each("mean_squared_error", 1, [=] VITRINE_HD(std::int64_t) {
    PairwiseTree tree;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) tree.push(partial[chunk]);
    *loss = static_cast<float>(tree.sum() / static_cast<double>(n));
  });
}

void backward(const float* x, const float* t, const float* dloss, std::int64_t n, float* dx) {
  for_each("mean_squared_error", n, [=] VITRINE_HD(std::int64_t i) {
    const double factor = 2 * static_cast<double>(*dloss) / static_cast<double>(n);
    dx[i] = static_cast<float>(factor * (static_cast<double>(x[i]) - static_cast<double>(t[i])));
  });
}

}  // namespace

extern const kernels::MeanSquaredErrorKernels mean_squared_error_table;
const kernels::MeanSquaredErrorKernels mean_squared_error_table = {forward, backward};

}  // namespace vitrine::cuda
