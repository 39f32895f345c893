// TensorFlow's own EfficientNet release: `model.ckpt.index` beside `model.ckpt.data-00000-of-00001`.
//
// Names      the model's name in front is dropped: "stem/conv2d/kernel" (docs/checkpoints.md, column TensorFlow)
// Averages   where a variable has an ExponentialMovingAverage, that is read in its place, as the release evaluates it
// Layouts    kernels [R, S, C, K], depthwise [R, S, C, 1] and dense [C, K] become views in PyTorch's axis order
#pragma once

#include <filesystem>

#include "weights/tensor_file.h"

namespace vitrine {

// `index` is the .index file; its shards lie beside it. Optimiser slots, counters and strings are left out and named in the metadata
// `left_out`. WeightsError on any flaw, a wrong CRC-32C of a variable included.
TensorFile read_tensorflow(const std::filesystem::path& index);

}  // namespace vitrine
