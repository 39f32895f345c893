// What tensors themselves need of a CUDA device.
#pragma once

#include <cstdint>

namespace vitrine::cuda {

void fill(float value, std::int64_t n, float* y);
void sum(const float* a, const float* b, std::int64_t n, float* y);  // y = a + b

}  // namespace vitrine::cuda
