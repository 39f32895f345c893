// Average pooling: the mean of each window.
//
// Forward    y[n,p,q,c] = (1 / count) sum_{r,s} x[n, p*stride + r - padding, q*stride + s - padding, c]  over the taps inside the image
//            count = window^2 where the padding is counted (as zeros), else the taps inside the image
// Backward   dx[n,h,v,c] = sum of dy[n,p,q,c] / count over the windows (p, q) that hold (h, v)
//            from dy/dx = 1 / count at every tap
// Shapes     x [N, H, W, C], y [N, P, Q, C] with P = floor((H + 2 padding - window) / stride) + 1, Q alike
// Saved      nothing but the sizes
// Numerics   y: taps (r, s) ascending in one float32 accumulator, divided last; dx: windows (p, q) ascending in one float32 accumulator, each
//            term divided first. |error| <= gamma_t sum |terms|, t = terms + 1, gamma_t = t u / (1 - t u), u = 2^-24. Sharper, and what is checked:
//            e = sum_k u |s_k| over the partial sums s_k from the second on (layers/bounded.h), then (e + u |sum|) / count + 2^-150; for dx the
//            u |term| + 2^-150 of each quotient comes in with its term
// Requires   window >= 1, stride >= 0, 0 <= padding <= window / 2 (checked: UsageError), an output pixel (checked: ShapeError)
// Differs    from torch.nn.AvgPool2d: NHWC; square windows, floor mode only, no divisor of one's own. count_include_pad is true in both
// Reference  LeCun et al. 1998, doi 10.1109/5.726791, sec. II.B
#pragma once

#include "autograd/tape.h"
#include "layers/kernels/pool_window.h"

namespace vitrine {

Variable average_pool2d(const Variable& x, const PoolOptions& options = {}, bool count_include_pad = true);

namespace kernels {

struct AveragePool2dKernels {
  void (*forward)(const ConvShape& s, bool count_include_pad, const float* x, float* y);
  void (*backward)(const ConvShape& s, bool count_include_pad, const float* dy, float* dx);
};
const AveragePool2dKernels& average_pool2d_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
