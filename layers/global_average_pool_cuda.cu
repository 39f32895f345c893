#include <type_traits>

#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/global_average_pool.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

template <class Stored>
void forward(const Stored* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  if constexpr (std::is_same_v<Stored, float>) {
    if (cudnn::uses_graphs() && library_mean(x, N, pixels, C, y)) return;
  }
  for_each("global_average_pool", N * C, [=] VITRINE_HD(std::int64_t i) {
    const Stored* const from = x + i / C * pixels * C + i % C;
    double sum = 0;
    for (std::int64_t p = 0; p < pixels; ++p) sum = sum + static_cast<double>(value_at(from + p * C));
    y[i] = static_cast<float>(sum / static_cast<double>(pixels));
  });
}

template <class Stored>
void backward(const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, Stored* dx) {
  if constexpr (std::is_same_v<Stored, float>) {
    if (cudnn::uses_graphs() && library_mean_gradient(dy, N, pixels, C, dx)) return;
  }
  for_each("global_average_pool", N * pixels * C,
           [=] VITRINE_HD(std::int64_t i) { keep(dx + i, dy[i / (pixels * C) * C + i % C] / static_cast<float>(pixels)); });
}

}  // namespace

extern const kernels::GlobalAveragePoolKernels global_average_pool_table;
const kernels::GlobalAveragePoolKernels global_average_pool_table = {forward<float>, backward<float>};

extern const kernels::GlobalAveragePoolKernelsOf<BFloat16> global_average_pool_bfloat16_table;
const kernels::GlobalAveragePoolKernelsOf<BFloat16> global_average_pool_bfloat16_table = {forward<BFloat16>,
                                                                                          backward<BFloat16>};

}  // namespace vitrine::cuda
