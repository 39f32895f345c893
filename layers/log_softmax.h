// Logarithm of softmax over the last axis, exact where the shares themselves would vanish or round to 1.
//
// Forward    y[n,c] = x[n,c] - m[n] - log sum_k e^(x[n,k] - m[n])   where m[n] = max_k x[n,k]
// Backward   dx[n,c] = dy[n,c] - e^y[n,c] sum_k dy[n,k]
//            from dy_c/dx_k = [c = k] - e^y_k
// Shapes     x, y, dx, dy [..., C]; n counts the rows of all axes but the last
// Saved      y
// Numerics   exp of float32 and log of float64 are ours (tensor/elementary.h, tensor/math.h). Sums over k and the rest in float64, rounded
//            once; the order of the sums is that of layers/kernels/interleaved_sum_cpu.h. y within 4 ulp of max(|y|, 1), at the row's maximum
//            within 4 ulp of |y| and C 2^-52. A NaN or +inf in a row makes the whole row NaN.
//            Bounds: e_k within u |x_k - m| e_k + 2 ulp; log: the relative bound of the sum, and 6 2^-53 of itself; y: that and u |y|; dx: 2 ulp of e^y
//            times |sum dy|, u |dx| + 2^-150 and the float64 sums' part, u = 2^-24
// Requires   at least one axis, C >= 1 (checked: ShapeError)
// Differs    from torch.log_softmax: the axis is always the last
// Reference  Bridle 1990, Training stochastic model recognition algorithms as networks, NIPS 2, eq. 11
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable log_softmax(const Variable& x);

namespace kernels {

struct LogSoftmaxKernels {
  void (*forward)(const float* x, std::int64_t rows, std::int64_t C, float* y);
  void (*backward)(const float* y, const float* dy, std::int64_t rows, std::int64_t C, float* dx);
};
const LogSoftmaxKernels& log_softmax_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
