#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/global_average_pool.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  if (cudnn::uses_graphs() && library_mean(x, N, pixels, C, y)) return;
  for_each("global_average_pool", N * C, [=] VITRINE_HD(std::int64_t i) {
    const float* const from = x + i / C * pixels * C + i % C;
    double sum = 0;
    for (std::int64_t p = 0; p < pixels; ++p) sum = sum + static_cast<double>(from[p * C]);
    y[i] = static_cast<float>(sum / static_cast<double>(pixels));
  });
}

void backward(const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx) {
  if (cudnn::uses_graphs() && library_mean_gradient(dy, N, pixels, C, dx)) return;
  for_each("global_average_pool", N * pixels * C,
           [=] VITRINE_HD(std::int64_t i) { dx[i] = dy[i / (pixels * C) * C + i % C] / static_cast<float>(pixels); });
}

}  // namespace

extern const kernels::GlobalAveragePoolKernels global_average_pool_table;
const kernels::GlobalAveragePoolKernels global_average_pool_table = {forward, backward};

}  // namespace vitrine::cuda
