// Batch norm in evaluation mode folded into the convolution before it: w' = w gamma / sqrt(v + eps), b' = beta - mean gamma / sqrt(v + eps).
#pragma once

#include <vector>

#include "layers/batch_norm.h"

namespace vitrine {

struct BnFolding {
  std::vector<double> scale;  // per output channel, in float64
  Tensor bias;                // [C], rounded once
};

BnFolding bn_folding_of(const BatchNorm& norm);

// The weight with its output channels, the last axis, scaled: each value is rounded once.
Tensor folded_weight(const Tensor& weight, const BnFolding& fold);

}  // namespace vitrine
