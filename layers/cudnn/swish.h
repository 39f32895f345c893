// Swish by cuDNN 9's pointwise operations: what our own kernel (layers/swish_cuda.cu) is tested and measured against on a GPU.
#pragma once

#include <cstdint>

namespace vitrine::cuda {

// y = x sigmoid(x), dx = dy swish'(x) of n elements. False, and nothing done, on cuda-host, in the portable tier, in a build without CUDA
// and where cuDNN has no engine for it.
bool library_swish(const float* x, std::int64_t n, float* y);
bool library_swish_gradient(const float* x, const float* dy, std::int64_t n, float* dx);

// Builds both graphs as far as that goes without a device; Error when cuDNN refuses one. Nothing in a build without CUDA.
void build_swish_graphs(std::int64_t n);

}  // namespace vitrine::cuda
