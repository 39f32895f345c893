// Max pooling: the largest value of each window.
//
// Forward    y[n,p,q,c] = max_{r,s} x[n, p*stride + r - padding, q*stride + s - padding, c]  over the taps inside the image
// Backward   dx[n,h,v,c] = sum of dy[n,p,q,c] over the windows (p, q) whose maximum is x[n,h,v,c]
//            from dy/dx = 1 at the maximum; of equal values the first in row-major order (r, s) is the maximum
// Shapes     x [N, H, W, C], y [N, P, Q, C] with P = floor((H + 2 padding - window) / stride) + 1, Q alike
// Saved      which tap of each window held its maximum
// Numerics   y exact, bound 0; dx: windows (p, q) ascending in one float32 accumulator, |error| <= sum_k u |s_k| over its partial sums s_k from the
//            second on (layers/bounded.h), at most gamma_(t-1) sum |terms|. A NaN is the maximum of its window: the first of several
// Requires   window >= 1, stride >= 0, 0 <= padding <= window / 2 (checked: UsageError), an output pixel (checked: ShapeError)
// Differs    from torch.nn.MaxPool2d: NHWC; square windows, no dilation, floor mode only; of several NaN there the last has the gradient
// Reference  Zhou, Chellappa 1988, Computation of optical flow using a neural network, ICNN; Scherer et al. 2010, ICANN, sec. 3.2
#pragma once

#include "autograd/tape.h"
#include "layers/kernels/pool_window.h"

namespace vitrine {

Variable max_pool2d(const Variable& x, const PoolOptions& options = {});

namespace kernels {

struct MaxPool2dKernels {
  // taps [N, P, Q, C]: r S + s of the maximum as a number; exact, since a window has fewer than 2^24 taps
  void (*forward)(const ConvShape& s, const float* x, float* y, float* taps);
  void (*backward)(const ConvShape& s, const float* taps, const float* dy, float* dx);
};
const MaxPool2dKernels& max_pool2d_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
