// Add: the sum of two tensors of one shape, the residual connection.
//
// Forward    y_i = a_i + b_i
// Backward   da_i = dy_i,  db_i = dy_i      (both share dy's storage)
// Shapes     a, b, y, dy, da, db: any shape, all equal
// Saved      nothing
// Numerics   one rounding: |error| <= u |y|, u = 2^-24, also below the smallest normal number; da and db are dy's bits
// Requires   shapes equal (checked: ShapeError)
// Differs    from a + b in NumPy and PyTorch: shapes are never broadcast
// Reference  He, Zhang, Ren, Sun 2015, arXiv:1512.03385, eq. (1)
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable add(const Variable& a, const Variable& b);

namespace kernels {

struct AddKernels {
  void (*forward)(const float* a, const float* b, std::int64_t n, float* y);
};
const AddKernels& add_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
