// What tensors themselves need of a CUDA device.
#pragma once

#include <cstdint>

#include "tensor/bfloat16.h"

namespace vitrine::cuda {

void fill(float value, std::int64_t n, float* y);
void sum(const float* a, const float* b, std::int64_t n, float* y);  // y = a + b
void sum(const BFloat16* a, const BFloat16* b, std::int64_t n, BFloat16* y);
void round(const float* x, std::int64_t n, BFloat16* y);  // y = x
void widen(const BFloat16* x, std::int64_t n, float* y);

}  // namespace vitrine::cuda
