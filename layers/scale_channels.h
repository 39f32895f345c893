// Scale channels: every channel of an image times its own factor, per image.
//
// Forward    y[n,h,w,c] = x[n,h,w,c] * s[n,c]
// Backward   dx[n,h,w,c] = dy[n,h,w,c] * s[n,c],  ds[n,c] = sum_{h,w} dy[n,h,w,c] * x[n,h,w,c]
//            from the product rule
// Shapes     x, y [N, H, W, C], s [N, C]
// Saved      x, s
// Numerics   y, dx: one rounding, |error| <= u |y| + 2^-150, u = 2^-24; ds: pixels ascending in one float64 accumulator, rounded once, |error| <=
//            u |ds| + 2 (n + 2) 2^-53 sum |dy x| + 2^-150 with n = HW
// Requires   N and C equal in x and s (checked: ShapeError)
// Differs    from x * s[:, None, None] in NumPy: the broadcast is named, never implied
// Reference  Hu, Shen, Sun 2017, arXiv:1709.01507, eq. (4)
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable scale_channels(const Variable& x, const Variable& s);

namespace kernels {

struct ScaleChannelsKernels {
  void (*forward)(const float* x, const float* s, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y);
  void (*backward_scale)(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* ds);
};
const ScaleChannelsKernels& scale_channels_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
