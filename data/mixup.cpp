#include "data/mixup.h"

#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "data/permutation.h"
#include "data/view_kernels.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

// y_n = lambda_n x_n + (1 - lambda_n) x_partner(n), rows of `size` values.
Tensor mixed(const Tensor& x, const std::vector<Mix>& mixes) {
  Tensor y = Tensor::uninitialized(x.shape());
  const std::int64_t N = x.shape()[0], size = x.size() / N;
  const float* in = x.host().data();
  float* out = y.mutable_host().data();
  const kernels::ViewKernels& k = kernels::view_kernels();
  parallel_for(N, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const Mix& mix = mixes[static_cast<std::size_t>(n)];
      k.mix(in + n * size, in + mix.partner * size, mix.lambda, size, out + n * size);
    }
  });
  return y;
}

}  // namespace

MixupMode mixup_mode_from_name(const std::string& name) {
  return static_cast<MixupMode>(chosen_name("--mixup-mode", name, {"sample", "batch"}));
}

std::vector<Mix> drawn_mixes(std::int64_t N, double alpha, std::uint64_t seed, std::uint32_t epoch, std::uint32_t first,
                             MixupMode mode) {
  const std::vector<int> partner =
      permutation({.seed = seed, .purpose = Purpose::mixup_partner, .epoch = epoch, .sample = first}, static_cast<int>(N));
  std::vector<Mix> mixes;
  const bool together = mode == MixupMode::batch;
  for (std::int64_t n = 0; n < N; ++n) {
    const std::uint32_t place = first + (together ? 0 : static_cast<std::uint32_t>(n));
    const Draw draw{.seed = seed, .purpose = Purpose::mixup_lambda, .epoch = epoch, .sample = place};
    const double l = draw.beta(0, alpha, alpha);
    mixes.push_back({static_cast<float>(together ? l : std::max(l, 1 - l)), partner[static_cast<std::size_t>(n)]});
  }
  return mixes;
}

Batch mixup(const Batch& batch, double alpha, std::uint64_t seed, std::uint32_t epoch, std::uint32_t first, MixupMode mode) {
  if (!(alpha >= 0)) throw UsageError(text("mixup: alpha is ", alpha, ", expected 0 or more"));
  if (alpha == 0) return batch;
  const std::vector<Mix> mixes = drawn_mixes(batch.images.shape()[0], alpha, seed, epoch, first, mode);
  return {mixed(batch.images, mixes), mixed(batch.targets, mixes)};
}

}  // namespace vitrine
