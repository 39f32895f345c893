// The descriptors of a description's steps. Only files that are built with CUDA include this.
#pragma once

#include <vector>

#include "layers/cudnn/description.h"
#include "layers/cudnn/graph.h"

namespace vitrine::cuda::cudnn {

// Tensor i has the id i + 1. Error where cuDNN refuses a step.
std::vector<Descriptor> operations_of(const Description& description);

// Ids of the tensors in memory, in their order.
std::vector<std::int64_t> ids_of(const Description& description);

}  // namespace vitrine::cuda::cudnn
