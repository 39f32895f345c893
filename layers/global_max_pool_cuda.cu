#include "layers/global_max_pool.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

template <class Stored>
VITRINE_HD std::int64_t first_maximum(const Stored* x, std::int64_t pixels, std::int64_t C) {
  std::int64_t place = 0;
  for (std::int64_t p = 1; p < pixels; ++p) {
    const float value = value_at(x + p * C), best = value_at(x + place * C);
    if (value > best || (value != value && best == best)) place = p;
  }
  return place;
}

template <class Stored>
void forward(const Stored* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  for_each("global_max_pool", N * C, [=] VITRINE_HD(std::int64_t i) {
    const Stored* const from = x + i / C * pixels * C + i % C;
    y[i] = value_at(from + first_maximum(from, pixels, C) * C);
  });
}

template <class Stored>
void backward(const Stored* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, Stored* dx) {
  for_each("global_max_pool", N * C, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t at = i / C * pixels * C + i % C, place = first_maximum(x + at, pixels, C);
    for (std::int64_t p = 0; p < pixels; ++p) keep(dx + at + p * C, p == place ? dy[i] : 0.0f);
  });
}

}  // namespace

extern const kernels::GlobalMaxPoolKernels global_max_pool_table;
const kernels::GlobalMaxPoolKernels global_max_pool_table = {forward<float>, backward<float>};

extern const kernels::GlobalMaxPoolKernelsOf<BFloat16> global_max_pool_bfloat16_table;
const kernels::GlobalMaxPoolKernelsOf<BFloat16> global_max_pool_bfloat16_table = {forward<BFloat16>, backward<BFloat16>};

}  // namespace vitrine::cuda
