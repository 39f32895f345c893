#include "layers/global_max_pool.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

VITRINE_HD std::int64_t first_maximum(const float* x, std::int64_t pixels, std::int64_t C) {
  std::int64_t place = 0;
  for (std::int64_t p = 1; p < pixels; ++p) {
    const float value = x[p * C], best = x[place * C];
    if (value > best || (value != value && best == best)) place = p;
  }
  return place;
}

void forward(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  for_each("global_max_pool", N * C, [=] VITRINE_HD(std::int64_t i) {
    const float* const from = x + i / C * pixels * C + i % C;
    y[i] = from[first_maximum(from, pixels, C) * C];
  });
}

void backward(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx) {
  for_each("global_max_pool", N * C, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t at = i / C * pixels * C + i % C, place = first_maximum(x + at, pixels, C);
    for (std::int64_t p = 0; p < pixels; ++p) dx[at + p * C] = p == place ? dy[i] : 0.0f;
  });
}

}  // namespace

extern const kernels::GlobalMaxPoolKernels global_max_pool_table;
const kernels::GlobalMaxPoolKernels global_max_pool_table = {forward, backward};

}  // namespace vitrine::cuda
