#include "nn/efficientnet/concat_head.h"

#include <cmath>

#include "layers/add.h"
#include "layers/dropout.h"
#include "layers/global_average_pool.h"
#include "layers/global_max_pool.h"
#include "layers/linear.h"
#include "layers/relu.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

constexpr double kEps = 1e-5, kMomentum = 0.1;                                  // torch.nn.BatchNorm1d
constexpr std::uint32_t kDropMax = 1001, kDropMean = 1002, kDropHidden = 1003;  // beyond any block's index and the classifier's

}  // namespace

ConcatHead::ConcatHead(std::int64_t C)
    : norm_max(BatchNorm::identity(C, kEps, kMomentum)),
      norm_mean(BatchNorm::identity(C, kEps, kMomentum)),
      norm_hidden(BatchNorm::identity(kHidden, kEps, kMomentum)) {
  weight_max.value = Tensor::zeros({C, kHidden});
  weight_mean.value = Tensor::zeros({C, kHidden});
  bias.value = Tensor::zeros({kHidden});
}

void ConcatHead::initialize(std::uint64_t seed) {
  const std::int64_t C = weight_max.value.shape()[0];
  *this = ConcatHead(C);
  const double deviation = std::sqrt(1.0 / static_cast<double>(C));  // sqrt(2 / (2 C))
  std::uint32_t op = (1u << 20) + 1;                                 // after the classifier's
  for (Parameter* weight : {&weight_max, &weight_mean}) {
    const Draw draw{.seed = seed, .purpose = Purpose::init, .op = op++};
    const auto values = weight->value.mutable_host();
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(deviation * draw.normal(static_cast<std::uint32_t>(i)));
  }
}

Variable ConcatHead::forward(const Variable& x, double dropout, const Pass& pass) {
  const bool drops = pass.mode == Mode::train && dropout > 0;
  const auto dropped = [&](const Variable& v, double rate, std::uint32_t op) {
    return drops ? vitrine::dropout(v, rate, pass.key, op) : v;
  };
  const Variable largest = dropped(norm_max.forward(global_max_pool(x), pass), dropout / 2, kDropMax);
  const Variable mean = dropped(norm_mean.forward(global_average_pool(x), pass), dropout / 2, kDropMean);
  const Variable hidden = add(linear(largest, pass.parameter(weight_max), pass.parameter(bias)),
                              linear(mean, pass.parameter(weight_mean), Variable(Tensor())));
  return dropped(norm_hidden.forward(relu(hidden), pass), dropout, kDropHidden);
}

}  // namespace vitrine
