// Global average pooling: each channel's mean over the image.
//
// Forward    y[n,c] = (1 / HW) sum_{h,w} x[n,h,w,c]
// Backward   dx[n,h,w,c] = dy[n,c] / HW
//            from dy/dx = 1 / HW at every pixel
// Shapes     x [N, H, W, C], y [N, C]
// Saved      nothing but x's shape
// Numerics   pixels ascending in one float64 accumulator, divided and rounded once: |error| <= u |y| + 2 (n + 2) 2^-53 sum |x| / n + 2^-150 with
//            n = HW, u = 2^-24; dx: one rounding, |error| <= u |dx| + 2^-150
//            Where x lies in bfloat16 so does dx, rounded for it; y is float32
// Requires   at least one pixel (checked: ShapeError)
// Differs    from torch.nn.AdaptiveAvgPool2d(1): the pooled axes are dropped
// Reference  Lin, Chen, Yan 2013, arXiv:1312.4400, sec. 3.2
#pragma once

#include <cstdint>

#include "autograd/tape.h"
#include "tensor/bfloat16.h"

namespace vitrine {

Variable global_average_pool(const Variable& x);

namespace kernels {

// Stored: how x and the gradient by it lie in memory: float, or BFloat16 on a CUDA device. y is float32 in both.
template <class Stored>
struct GlobalAveragePoolKernelsOf {
  void (*forward)(const Stored* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y);
  void (*backward)(const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, Stored* dx);
};
using GlobalAveragePoolKernels = GlobalAveragePoolKernelsOf<float>;
const GlobalAveragePoolKernels& global_average_pool_kernels(Device device = {});
const GlobalAveragePoolKernelsOf<BFloat16>& global_average_pool_kernels_in_bfloat16(Device device);

}  // namespace kernels
}  // namespace vitrine
