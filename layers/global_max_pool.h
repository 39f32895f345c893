// Global max pooling: each channel's largest value.
//
// Forward    y[n,c] = max_{h,w} x[n,h,w,c]; NaN where one of them is
// Backward   dx[n,h,w,c] = dy[n,c] at the first pixel that holds the maximum, 0 elsewhere
//            from dy/dx = 1 at the maximum; the first of equals in (h, w) order is chosen
// Shapes     x [N, H, W, C], y [N, C]
// Saved      x
// Numerics   exact, bound 0; a NaN is taken as smaller than everything unless it is the first pixel
// Requires   at least one pixel (checked: ShapeError)
// Differs    from torch.nn.AdaptiveMaxPool2d(1): the pooled axes are dropped
// Reference  Oquab et al. 2015, Is object localization for free?, CVPR, sec. 3
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable global_max_pool(const Variable& x);

namespace kernels {

struct GlobalMaxPoolKernels {
  void (*forward)(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y);
  void (*backward)(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx);
};
const GlobalMaxPoolKernels& global_max_pool_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
