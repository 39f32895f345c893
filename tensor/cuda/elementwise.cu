#include "tensor/cuda/elementwise.h"

#include "tensor/cuda/launch.h"

namespace vitrine::cuda {

void fill(float value, std::int64_t n, float* y) {
  for_each("fill", n, [=] VITRINE_HD(std::int64_t i) { y[i] = value; });
}

void sum(const float* a, const float* b, std::int64_t n, float* y) {
  for_each("sum", n, [=] VITRINE_HD(std::int64_t i) { y[i] = a[i] + b[i]; });
}

void sum(const BFloat16* a, const BFloat16* b, std::int64_t n, BFloat16* y) {
  for_each("sum", n, [=] VITRINE_HD(std::int64_t i) { y[i] = to_bfloat16(value_at(a + i) + value_at(b + i)); });
}

void round(const float* x, std::int64_t n, BFloat16* y) {
  for_each("round", n, [=] VITRINE_HD(std::int64_t i) { y[i] = to_bfloat16(constant(x + i)); });
}

void widen(const BFloat16* x, std::int64_t n, float* y) {
  for_each("widen", n, [=] VITRINE_HD(std::int64_t i) { y[i] = value_at(x + i); });
}

}  // namespace vitrine::cuda
