// The parts of squeeze-excitation beside its swish and sigmoid as graphs of cuDNN 9 (layers/cudnn/run.h): the mean over pixels, the products, the
// scaling.
//
// Forward    z = mean over pixels of x;  y = a W + b;  y = x s
// Backward   dx = dz / pixels;  da = dy W', dW = a' dy, db = sum of dy over rows;  dx = dy s, ds = sum over pixels of dy x
// Shapes     x, y [N, pixels, C];  z, s [N, C];  a [rows, C], W [C, K], b [K], y [rows, K]
// Reference  layers/global_average_pool.h, layers/linear.h, layers/scale_channels.h
#pragma once

#include <cstdint>

#include "layers/cudnn/description.h"

namespace vitrine::cuda {

namespace cudnn {
// Tensors in memory: x, pixels times 1 / pixels, z; dz, pixels times 1 / pixels, dx.
Description mean_over_pixels(std::int64_t N, std::int64_t pixels, std::int64_t C);
Description mean_gradient(std::int64_t N, std::int64_t pixels, std::int64_t C);
// a, W, y; dy, W, da; a, dy, dW; dy, db.
Description linear(std::int64_t rows, std::int64_t C, std::int64_t K);  // with a bias: biased.h
Description linear_data_gradient(std::int64_t rows, std::int64_t C, std::int64_t K);
Description linear_weight_gradient(std::int64_t rows, std::int64_t C, std::int64_t K);
Description sum_of_rows(std::int64_t rows, std::int64_t K);
// x, s, y; x, dy, ds.
Description scale(std::int64_t N, std::int64_t pixels, std::int64_t C);
Description scale_gradient(std::int64_t N, std::int64_t pixels, std::int64_t C);
}  // namespace cudnn

// What is returned: cudnn::run.
bool library_mean(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* z);
bool library_mean_gradient(const float* dz, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx);
bool library_sum_of_rows(const char* op, const float* dy, std::int64_t rows, std::int64_t K, float* db);
bool library_scale(const float* x, const float* s, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y);
bool library_scale_gradient(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* ds);

}  // namespace vitrine::cuda
