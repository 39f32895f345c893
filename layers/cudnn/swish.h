// Swish and the sigmoid as graphs of cuDNN 9 (layers/cudnn/run.h).
//
// Forward    y = x sigmoid(x);  y = sigmoid(x)
// Backward   dx = dy swish'(x);  dx = dy (y - y^2)
// Reference  layers/swish.h, layers/sigmoid.h
#pragma once

#include <cstdint>

#include "layers/cudnn/description.h"

namespace vitrine::cuda {

namespace cudnn {
// Of n elements. Tensors in memory: x, y; x, dy, dx; x, y; y, dy, dx.
Description swish(std::int64_t n);
Description swish_gradient(std::int64_t n);
Description sigmoid(std::int64_t n);
Description sigmoid_gradient(std::int64_t n);
}  // namespace cudnn

// What is returned: cudnn::run.
bool library_swish(const float* x, std::int64_t n, float* y);
bool library_swish_gradient(const float* x, const float* dy, std::int64_t n, float* dx);
bool library_sigmoid(const float* x, std::int64_t n, float* y);
bool library_sigmoid_gradient(const float* y, const float* dy, std::int64_t n, float* dx);

}  // namespace vitrine::cuda
