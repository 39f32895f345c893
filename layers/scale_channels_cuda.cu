#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/scale_channels.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, const float* s, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  if (cudnn::uses_graphs() && library_scale(x, s, N, pixels, C, y)) return;
  for_each("scale_channels", N * pixels * C, [=] VITRINE_HD(std::int64_t i) { y[i] = x[i] * s[i / (pixels * C) * C + i % C]; });
}

void backward_scale(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* ds) {
  if (cudnn::uses_graphs() && library_scale_gradient(x, dy, N, pixels, C, ds)) return;
  for_each("scale_channels", N * C, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t at = i / C * pixels * C + i % C;
    double sum = 0;
    for (std::int64_t p = 0; p < pixels; ++p)
      sum = std::fma(static_cast<double>(dy[at + p * C]), static_cast<double>(x[at + p * C]), sum);
    ds[i] = static_cast<float>(sum);
  });
}

}  // namespace

extern const kernels::ScaleChannelsKernels scale_channels_table;
const kernels::ScaleChannelsKernels scale_channels_table = {forward, backward_scale};

}  // namespace vitrine::cuda
