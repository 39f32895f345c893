// Batches of images between PyTorch's order of axes, [N, C, H, W], and ours, [N, H, W, C].
#pragma once

#include "tensor/tensor.h"

namespace vitrine {

// [N, C, H, W] to [N, H, W, C], and back. The values lie on the host. ShapeError unless there are four axes.
Tensor channels_last(const Tensor& images);
Tensor channels_first(const Tensor& images);

}  // namespace vitrine
