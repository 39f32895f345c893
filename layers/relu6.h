// ReLU6: values cut to 0..6, the activation of the lite networks.
//
// Forward    y_i = min(max(x_i, 0), 6); NaN for NaN
// Backward   dx_i = dy_i where 0 < x_i < 6, else 0
//            from the derivative on either side; 0 is chosen at both kinks
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      x
// Numerics   exact
// Requires   nothing
// Differs    from nothing: the same as torch.nn.ReLU6, gradient 0 at 0 and 6 included
// Reference  Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10; Howard et al. 2017, arXiv:1704.04861
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable relu6(const Variable& x);

namespace cpu {

struct Relu6Kernels {
  void (*forward)(const float* x, std::int64_t n, float* y);
  void (*backward)(const float* x, const float* dy, std::int64_t n, float* dx);
};
const Relu6Kernels& relu6_kernels(Device device = {});

}  // namespace cpu
}  // namespace vitrine
