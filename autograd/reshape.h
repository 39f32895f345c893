// Reshape: the same values under another shape.
//
// Forward    y_i = x_i in row-major order
// Backward   dx_i = dy_i
// Shapes     x any, y any with as many elements (ShapeError); flatten: [N, ...] to [N, rest]
// Saved      the shape of x. Both directions share storage: nothing is copied
#pragma once

#include "autograd/tape.h"

namespace vitrine {

Variable reshape(const Variable& x, const Shape& shape);
Variable flatten(const Variable& x);

}  // namespace vitrine
