// The plain meaning of a description, on the host: every element on its own, sums in float64 in the order of the sizes, each step's result
// rounded to float32.
#pragma once

#include <vector>

#include "layers/cudnn/description.h"

namespace vitrine::cuda::cudnn {

// `memory`: of the tensors that are not virtual, in their order. InternalError for a description whose sizes do not fit each other.
void interpret(const Description& description, const std::vector<const void*>& memory);

}  // namespace vitrine::cuda::cudnn
