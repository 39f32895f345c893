// Linear: a matrix product with bias.
//
// Forward    y = x w + b
// Backward   dx = dy w^T,  dw = x^T dy,  db = sum over rows of dy
//            from y_nk = sum_c x_nc w_ck + b_k, term by term
// Shapes     x [N, C], w [C, K], b [K] or undefined, y [N, K]
// Saved      x, w
// Numerics   as conv2d with a 1x1 window: y and dx one float32 accumulator per 128 indices, ascending, joined in index order; dw and
//            db chunks of 1,024 rows joined in float64 by the tree of layers/kernels/pairwise.h. Bounds and checksum as there, too
// Requires   C equal in x and w, K in w and b (checked: ShapeError)
// Differs    from torch.nn.Linear: w is [C, K], not [K, C]
// Reference  -
#pragma once

#include "autograd/tape.h"

namespace vitrine {

Variable linear(const Variable& x, const Variable& w, const Variable& b);

namespace kernels {

struct LinearKernels {
  void (*forward)(const float* x, const float* w, const float* b, std::int64_t N, std::int64_t C, std::int64_t K, float* y);
  void (*backward_data)(const float* dy, const float* w, std::int64_t N, std::int64_t C, std::int64_t K, float* scratch,
                        float* dx);
  void (*backward_weights)(const float* x, const float* dy, std::int64_t N, std::int64_t C, std::int64_t K, float* dw);
  void (*backward_bias)(const float* dy, std::int64_t N, std::int64_t K, float* db);
  void (*transpose)(const float* w, std::int64_t C, std::int64_t K,
                    float* wt);  // on the CPU alone, for who takes rows in parts
};
const LinearKernels& linear_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
