// Multiply: the product of two tensors of one shape, element by element; one gates the other.
//
// Forward    y_i = a_i b_i
// Backward   da_i = dy_i b_i,  db_i = dy_i a_i
//            from dy/da = b and dy/db = a
// Shapes     a, b, y, dy, da, db: any shape, all equal
// Saved      a, b
// Numerics   one rounding, also of the gradients: |error| <= u |y| + 2^-150, u = 2^-24
// Requires   shapes equal (checked: ShapeError)
// Differs    from a * b in NumPy and PyTorch: shapes are never broadcast (layers/scale_channels.h has a factor for each channel)
// Reference  Hochreiter, Schmidhuber 1997, Neural Computation 9(8), sec. 4 (multiplicative gates)
#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace vitrine {

Variable multiply(const Variable& a, const Variable& b);

namespace kernels {

struct MultiplyKernels {
  void (*product)(const float* a, const float* b, std::int64_t n, float* y);  // forward, and both gradients
};
const MultiplyKernels& multiply_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
