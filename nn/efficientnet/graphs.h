// The graphs of cuDNN that a network's layers run under --kernels cudnn, forward, backward and folded for prediction: to be built, asked for and
// listed (`vitrine doctor --kernels`).
#pragma once

#include <vector>

#include "layers/cudnn/description.h"
#include "nn/efficientnet/work.h"

namespace vitrine {

std::vector<cuda::cudnn::Description> training_graphs(const LayerWork& layer);
std::vector<cuda::cudnn::Description> prediction_graphs(const LayerWork& layer);

// Of every layer of a network for images of size x size pixels, each graph once.
std::vector<cuda::cudnn::Description> training_graphs(const Architecture& arch, std::int64_t batch, std::int64_t size);
std::vector<cuda::cudnn::Description> prediction_graphs(const Architecture& arch, std::int64_t batch, std::int64_t size);

}  // namespace vitrine
