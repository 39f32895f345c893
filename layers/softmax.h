// Softmax over the last axis: numbers of any size as shares that add up to 1.
//
// Forward    y[n,c] = e^(x[n,c] - m[n]) / sum_k e^(x[n,k] - m[n])   where m[n] = max_k x[n,k]; it cancels, and keeps e^ within range
// Backward   dx[n,c] = y[n,c] (dy[n,c] - sum_k dy[n,k] y[n,k])
//            from dy_c/dx_k = y_c ([c = k] - y_k)
// Shapes     x, y, dx, dy [..., C]; n counts the rows of all axes but the last
// Saved      y
// Numerics   exp is ours (tensor/elementary.h). Sums over k and the rest in float64, rounded once; the order of the sums is that of
//            layers/kernels/interleaved_sum_cpu.h. y within 5 ulp of the true value where x - m is exact, dx within 8 ulp of max |dy| (not of
//            |dx|, which cancels where one share is nearly 1). A NaN or +inf in a row makes the whole row NaN.
//            Bounds: e_k within u |x_k - m| e_k + 2 ulp; y = e_c / sum with the relative bounds of both, and u y; dx: u |dx| + (n + 4) 2^-52 |y|
//            (|dy| + sum |dy y|) + 2^-150, u = 2^-24
// Requires   at least one axis, C >= 1 (checked: ShapeError)
// Differs    from torch.softmax: the axis is always the last. For a loss, take cross_entropy of the logits, which keeps small shares exact
// Reference  Bridle 1990, Training stochastic model recognition algorithms as networks, NIPS 2, eq. 11
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable softmax(const Variable& x);

namespace kernels {

struct SoftmaxKernels {
  void (*forward)(const float* x, std::int64_t rows, std::int64_t C, float* y);
  void (*backward)(const float* y, const float* dy, std::int64_t rows, std::int64_t C, float* dx);
};
const SoftmaxKernels& softmax_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
