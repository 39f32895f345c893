// TensorFlow's own EfficientNet release: `model.ckpt.index` beside `model.ckpt.data-00000-of-00001`.
//
// Names      as the file has them, with the model's name in front: "efficientnet-b0/stem/conv2d/kernel" (docs/checkpoints.md)
// Averages   where a variable has an ExponentialMovingAverage, that is read in its place, as the release evaluates it
// Layouts    kernels [R, S, C, K], depthwise [R, S, C, 1] and dense [C, K] become views in PyTorch's axis order
#pragma once

#include <filesystem>

#include "weights/tensor_file.h"

namespace vitrine {

// `index` is the .index file; its shards lie beside it. Optimiser slots and strings are left out and named in the metadata `left_out`; the
// number of averages stands in `averages`. WeightsError on any flaw, a wrong CRC-32C of a variable included; no checksum is computed
// before the spans of all variables were found apart from each other.
TensorFile read_tensorflow(const std::filesystem::path& index);

}  // namespace vitrine
