#include "nn/efficientnet/bn_folding.h"

#include <cmath>

namespace vitrine {

BnFolding bn_folding_of(const BatchNorm& norm) {
  const std::int64_t channels = norm.gamma.value.size();
  BnFolding fold{std::vector<double>(static_cast<std::size_t>(channels)), Tensor::uninitialized({channels})};
  const auto gamma = norm.gamma.value.host(), beta = norm.beta.value.host();
  const auto mean = norm.running_mean.host(), variance = norm.running_var.host();
  const auto bias = fold.bias.mutable_host();
  for (std::size_t c = 0; c < fold.scale.size(); ++c) {
    fold.scale[c] = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + norm.eps);
    bias[c] = static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(mean[c]) * fold.scale[c]);
  }
  return fold;
}

Tensor folded_weight(const Tensor& weight, const BnFolding& fold) {
  Tensor out = Tensor::uninitialized(weight.shape());
  const auto in = weight.host();
  const auto values = out.mutable_host();
  const std::size_t channels = fold.scale.size();
  for (std::size_t row = 0; row < values.size(); row += channels) {
    for (std::size_t c = 0; c < channels; ++c)
      values[row + c] = static_cast<float>(static_cast<double>(in[row + c]) * fold.scale[c]);
  }
  return out;
}

}  // namespace vitrine
