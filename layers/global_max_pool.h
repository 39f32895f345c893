// Global max pooling: each channel's largest value.
//
// Forward    y[n,c] = max_{h,w} x[n,h,w,c]; NaN where one of them is
// Backward   dx[n,h,w,c] = dy[n,c] at the first pixel that holds the maximum, 0 elsewhere
//            from dy/dx = 1 at the maximum; the first of equals in (h, w) order is chosen
// Shapes     x [N, H, W, C], y [N, C]
// Saved      x
// Numerics   exact, bound 0; a NaN is taken as smaller than everything unless it is the first pixel
//            Where x lies in bfloat16 so does dx, whose values are rounded for it; y is float32
// Requires   at least one pixel (checked: ShapeError)
// Differs    from torch.nn.AdaptiveMaxPool2d(1): the pooled axes are dropped
// Reference  Oquab et al. 2015, Is object localization for free?, CVPR, sec. 3
#pragma once

#include <cstdint>

#include "autograd/tape.h"
#include "tensor/bfloat16.h"

namespace vitrine {

Variable global_max_pool(const Variable& x);

namespace kernels {

// Stored: how x and the gradient by it lie in memory: float, or BFloat16 on a CUDA device. y is float32 in both.
template <class Stored>
struct GlobalMaxPoolKernelsOf {
  void (*forward)(const Stored* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y);
  void (*backward)(const Stored* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, Stored* dx);
};
using GlobalMaxPoolKernels = GlobalMaxPoolKernelsOf<float>;
const GlobalMaxPoolKernels& global_max_pool_kernels(Device device = {});
const GlobalMaxPoolKernelsOf<BFloat16>& global_max_pool_kernels_in_bfloat16(Device device);

}  // namespace kernels
}  // namespace vitrine
