// ReLU: negative values become zero.
//
// Forward    y_i = max(x_i, 0); NaN for NaN
// Backward   dx_i = dy_i where x_i > 0, else 0
//            from the derivative on either side; 0 is chosen at the kink
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   exact
// Requires   nothing
// Differs    from nothing: the same as torch.nn.ReLU, gradient 0 at 0 included
// Reference  Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines, ICML
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable relu(const Variable& x);

namespace cpu {

struct ReluKernels {
  void (*forward)(const float* x, std::int64_t n, float* y);
  void (*backward)(const float* x, const float* dy, std::int64_t n, float* dx);
};
const ReluKernels& relu_kernels(Device device = {});

}  // namespace cpu
}  // namespace vitrine
