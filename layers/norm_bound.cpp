#include "layers/norm_bound.h"

namespace vitrine {
namespace {

// 1 / sqrt(v + eps) in float64: the largest that it moves while v moves within its bound, and the rounding of sum, root and quotient.
Bounded inverse_deviation(Bounded variance, double eps) {
  const auto inverse = [eps](double v) { return 1 / std::sqrt(std::max(v, 0.0) + eps); };
  const double value = inverse(variance.value);
  return {value, inverse(variance.value - variance.bound) - value + 8 * kWideRoundoff * value};
}

}  // namespace

Shadow norm_constants_shadow(std::string of, const Tensor& constants, const Values& gamma, double eps, std::int64_t rows,
                             const ByChannel<ChannelMoments>& moments) {
  const std::int64_t C = constants.shape()[1];
  const auto at = [kept = Values(constants), gamma, eps, C, moments](std::int64_t i) {
    const std::int64_t c = i % C;
    const ChannelMoments& m = moments[c];
    if (i < C) return rounded(m.mean);
    if (i < 2 * C) return rounded({m.mean.value - kept[c], m.mean.bound + 2 * kWideRoundoff * std::abs(m.mean.value)});
    const Bounded inverse = inverse_deviation(m.variance, eps);
    if (i < 3 * C) return rounded(inverse);
    const double scale = gamma[c] * inverse.value;
    return rounded({scale, std::abs(gamma[c]) * inverse.bound + 2 * kWideRoundoff * std::abs(scale)});
  };
  Shadow shadow = shadow_of(std::move(of), constants, rows, at);
  shadow.inner = true;
  return shadow;
}

void add_norm_gradients(std::vector<Shadow>& all, const std::string& suffix, const Tensor& gamma, const Tensor& beta,
                        std::int64_t rows, const ByChannel<ChannelSums>& sums) {
  if (gamma.defined()) {
    all.push_back(shadow_of("dgamma" + suffix, gamma, rows, [sums](std::int64_t c) { return rounded(sums[c].gh); }));
  }
  if (beta.defined()) {
    all.push_back(shadow_of("dbeta" + suffix, beta, rows, [sums](std::int64_t c) { return rounded(sums[c].g); }));
  }
}

}  // namespace vitrine
