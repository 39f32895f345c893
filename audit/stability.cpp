#include "audit/stability.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "autograd/changed_outputs.h"
#include "base/error.h"
#include "data/batch.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

constexpr double kMostBits = 24;  // of float32's significand

// The share of a chi-squared variable of k degrees of freedom below x: the regularised lower gamma function P(k / 2, x / 2), by its series.
double chi_squared_below(double x, int k) {
  const double a = k / 2.0, z = x / 2;
  double term = 1 / a, sum = term;
  for (int n = 1; n < 10000 && term > sum * 1e-16; ++n) {
    term *= z / (a + n);
    sum += term;
  }
  return sum * std::exp(a * std::log(z) - z - std::lgamma(a));
}

double chi_squared_quantile(double share, int k) {
  double low = 0, high = k;  // the median lies below k
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (chi_squared_below(middle, k) < share ? low : high) = middle;
  }
  return (low + high) / 2;
}

float moved(float value, std::uint32_t bits) {
  const auto pattern = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = pattern & 0x7fffffffu;
  if (magnitude == 0 || magnitude >= 0x7f7fffffu) return value;  // zero; the largest number, infinity, NaN
  return std::bit_cast<float>(pattern + bits % 3 - 1);
}

// The logits [classes] with the noise of a draw; `draw` 0: without.
std::vector<double> logits_of(EfficientNet& net, const Tensor& input, const StabilityOptions& options, std::uint32_t draw,
                              std::uint32_t image) {
  std::uint32_t op = 0;
  ChangedOutputs noise(
      [&](const TapeEntry&, const Tensor& output) { return with_last_place_noise(output, options, draw, image, op++); });
  Tape tape;
  if (draw > 0) tape.observe(&noise);
  Pass pass;
  pass.tape = &tape;
  const Tensor logits = net.forward(tape.input(input), pass).tensor();
  return {logits.host().begin(), logits.host().end()};
}

std::vector<double> probabilities_of(const std::vector<double>& logits) {
  const std::vector<float> narrow(logits.begin(), logits.end());
  return softmax(narrow);
}

int largest(const std::vector<double>& values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<SpreadOfDraws> spreads(const std::vector<double>& without, const std::vector<std::vector<double>>& draws) {
  std::vector<SpreadOfDraws> all;
  for (std::size_t c = 0; c < without.size(); ++c) {
    std::vector<double> of_class;
    for (const auto& draw : draws) of_class.push_back(draw[c]);
    all.push_back(spread_of(without[c], of_class));
  }
  return all;
}

}  // namespace

double ImageStability::fewest_bits() const {
  double fewest = kMostBits;
  for (const SpreadOfDraws& s : logits) fewest = std::min(fewest, s.bits);
  return fewest;
}

double bits_for_confidence(int draws) {
  if (draws < 2) throw InternalError(text("stability: bits of ", draws, " draws, at least 2 are needed"));
  constexpr double kNormal = 1.959963984540054;  // 97.5 % quantile of the normal distribution
  return 0.5 * std::log2((draws - 1) / chi_squared_quantile(0.025, draws - 1)) + std::log2(kNormal);
}

SpreadOfDraws spread_of(double without_noise, std::span<const double> draws) {
  const double less = bits_for_confidence(static_cast<int>(draws.size()));
  SpreadOfDraws s{without_noise, 0, 0, kMostBits, kMostBits};
  const auto n = static_cast<double>(draws.size());
  for (const double d : draws) s.mean += d / n;
  for (const double d : draws) s.deviation += (d - s.mean) * (d - s.mean) / (n - 1);
  s.deviation = std::sqrt(s.deviation);
  // The rounding of the mean itself is no spread.
  if (std::all_of(draws.begin(), draws.end(), [&](double d) { return d == draws[0]; })) {
    s.mean = draws[0], s.deviation = 0;
    return s;
  }
  const double bits = s.mean == 0 ? 0 : std::log2(std::abs(s.mean) / s.deviation);
  s.bits = std::clamp(bits, 0.0, kMostBits);
  s.sure_bits = std::clamp(bits - less, 0.0, kMostBits);
  return s;
}

Tensor with_last_place_noise(const Tensor& output, const StabilityOptions& options, std::uint32_t draw, std::uint32_t image,
                             std::uint32_t op) {
  const Draw source{options.seed, Purpose::audit, draw, image, op};
  Tensor result = Tensor::uninitialized(output.shape());
  const float* const from = output.host().data();
  float* const to = result.mutable_host().data();
  const std::int64_t size = output.size();
  parallel_for((size + 3) / 4, 1024, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::array<std::uint32_t, 4> bits = source.block(static_cast<std::uint32_t>(block));
      for (std::int64_t i = 4 * block; i < std::min(size, 4 * block + 4); ++i)
        to[i] = moved(from[i], bits[static_cast<std::size_t>(i % 4)]);
    }
  });
  return result;
}

ImageStability stability_of(EfficientNet& net, const Tensor& image, std::uint32_t number, const StabilityOptions& options) {
  const Tensor input = stack_images({&image}, input_normalisation(net.semantics));
  const std::vector<double> without = logits_of(net, input, options, 0, number);
  if (!std::all_of(without.begin(), without.end(), [](double v) { return std::isfinite(v); }))
    throw NumericalError(text("stability: the logits of image ", number,
                              " are not finite without any noise; `vitrine weights info` says whether the weights are"));
  ImageStability result;
  result.predicted = largest(without);
  std::vector<std::vector<double>> logits, probabilities;
  for (int draw = 1; draw <= options.draws; ++draw) {
    logits.push_back(logits_of(net, input, options, static_cast<std::uint32_t>(draw), number));
    probabilities.push_back(probabilities_of(logits.back()));
    result.flips += largest(logits.back()) != result.predicted ? 1 : 0;
  }
  result.logits = spreads(without, logits);
  result.probabilities = spreads(probabilities_of(without), probabilities);
  return result;
}

}  // namespace vitrine
