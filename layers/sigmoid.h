// Sigmoid: the logistic function, a gate between 0 and 1.
//
// Forward    y_i = 1 / (1 + exp(-x_i))
// Backward   dx_i = dy_i * y_i * (1 - y_i)
//            from y = 1 / (1 + e), e = exp(-x): dy/dx = e / (1 + e)^2 = y (1 - y)
// Shapes     x, y, dx, dy: any shape, all equal
// Saved      y
// Numerics   sigmoid is ours (tensor/elementary.h): at most 5 ulp above x = -17, 7 below; 0 below -88.72, where the whole
//            value is in the bound. An ulp is 2^-23 |y| + 2^-149 at most. dx = (dy y) (1 - y) from the saved y: three roundings, |error| <= gamma_3 |dx|
//            + 2^-149 (two products), gamma_t = t u / (1 - t u), u = 2^-24
// Requires   nothing
// Differs    from nothing: the same as torch.sigmoid
// Reference  Verhulst 1845, Nouveaux memoires de l'Academie royale de Bruxelles 18
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable sigmoid(const Variable& x);

namespace kernels {

struct SigmoidKernels {
  void (*forward)(const float* x, std::int64_t n, float* y);
  void (*backward)(const float* y, const float* dy, std::int64_t n, float* dx);
};
const SigmoidKernels& sigmoid_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
