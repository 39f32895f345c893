// Batch norm in evaluation mode folded into the convolution before it: w' = w gamma / sqrt(v + eps), b' = beta - mean gamma / sqrt(v + eps).
#pragma once

#include <vector>

#include "layers/batch_norm.h"

namespace vitrine {

struct Fold {
  std::vector<double> scale;  // per output channel, in float64
  Tensor bias;                // [C], rounded once
};

Fold fold_of(const BatchNorm& norm);

// The weight with its output channels, the last axis, scaled: each value is rounded once.
Tensor folded_weight(const Tensor& weight, const Fold& fold);

}  // namespace vitrine
