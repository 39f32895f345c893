#include "layers/norm_sums.h"

#include <algorithm>
#include <vector>

namespace vitrine {

NormTensor norm_of_batch(BatchNorm& norm, const PartialSums& sums, std::int64_t rows) {
  const std::int64_t C = norm.gamma.value.size();
  std::vector<double> mean(static_cast<std::size_t>(C)), variance(mean.size());
  for (std::int64_t c = 0; c < C; ++c) {
    const auto i = static_cast<std::size_t>(c);
    mean[i] = sums.sum(c) / static_cast<double>(rows);
    variance[i] = std::max(0.0, sums.sum(C + c) / static_cast<double>(rows) - mean[i] * mean[i]);
  }
  const auto rounded = [C](const std::vector<double>& v) { return Tensor::from({C}, std::vector<float>(v.begin(), v.end())); };
  norm.track({rounded(mean), rounded(variance), rows});
  return NormTensor(mean, variance, norm.gamma.value, norm.eps);
}

NormGradients::NormGradients(const PartialSums& sums, std::int64_t C, std::int64_t rows)
    : gamma(Tensor::uninitialized({C})), beta(Tensor::uninitialized({C})), means(Tensor::uninitialized({2, C})) {
  const auto g = gamma.mutable_host(), b = beta.mutable_host(), m = means.mutable_host();
  for (std::int64_t c = 0; c < C; ++c) {
    const auto i = static_cast<std::size_t>(c), j = static_cast<std::size_t>(C + c);
    const double sum = sums.sum(c), sum_h = sums.sum(C + c);
    b[i] = static_cast<float>(sum);
    g[i] = static_cast<float>(sum_h);
    m[i] = static_cast<float>(sum / static_cast<double>(rows));
    m[j] = static_cast<float>(sum_h / static_cast<double>(rows));
  }
}

}  // namespace vitrine
