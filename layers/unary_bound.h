// Functions of one value and their slopes in float64, with the bound of the order of operations in the function's header. The functions are
// written here again, from their definitions: a fault in a header is no fault of its shadow.
#pragma once

#include "layers/bounded.h"
#include "layers/unary.h"

namespace vitrine {

// Of an argument that is in doubt itself. A slope that jumps within the doubt is bounded by the jump.
Bounded unary_value_bound(Unary f, Bounded u);
Bounded unary_slope_bound(Unary f, Bounded u);

}  // namespace vitrine
