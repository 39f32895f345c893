// Mean squared error: the mean over all elements of the squared difference.
//
// Forward    loss = (1 / n) sum_i (x_i - t_i)^2
// Backward   dx_i = dloss (2 / n) (x_i - t_i),  dt_i = -dx_i
//            from d(x - t)^2 / dx = 2 (x - t)
// Shapes     x, t any shape, equal; n elements; loss scalar []
// Saved      x, t
// Numerics   in float64 throughout. Every 1,024 terms are added in the order of layers/kernels/interleaved_sum_cpu.h, their sums joined by
//            the tree of layers/kernels/pairwise.h and rounded once; dx, dt rounded once. |error| <= u |loss| + (2 (n + 2) + 6) 2^-53 |loss| +
//            2^-150, and u |dx| + 2^-150, u = 2^-24
// Requires   shapes equal, n >= 1 (checked: ShapeError)
// Differs    from torch.nn.MSELoss: shapes are never broadcast, the reduction is always the mean. The target is a tensor or a Variable; a Variable
//            on the tape gets its gradient
// Reference  Legendre 1805, Nouvelles methodes pour la determination des orbites des cometes, appendix
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable mean_squared_error(const Variable& x, const Variable& target);

namespace kernels {

struct MeanSquaredErrorKernels {
  // partial: room for one number for each chunk of kErrorChunk terms
  void (*forward)(const float* x, const float* t, std::int64_t n, double* partial, float* loss);
  // by the first of two; by the second with both exchanged
  void (*backward)(const float* x, const float* t, const float* dloss, std::int64_t n, float* dx);
};
const MeanSquaredErrorKernels& mean_squared_error_kernels(Device device = {});

inline constexpr std::int64_t kErrorChunk = 1024;  // layers/kernels/pairwise.h kChunk

}  // namespace kernels
}  // namespace vitrine
