// A fused MBConv in bfloat16: against its composed twin with roundings in the same places, and against float32.
#include <gtest/gtest.h>

#include <cmath>
#include <span>

#include "layers/blocks/mbconv_fused.h"
#include "tensor/bfloat16.h"
#include "tensor/storage.h"
#include "tests/cuda_devices.h"
#include "tests/layers/blocks/mbconv_cases.h"

namespace vitrine::testing {
namespace {

// The value, or the gradient, as it is kept in bfloat16.
struct RoundingNode final : Node {
  bool rounds_gradient = false;

  explicit RoundingNode(bool of_gradient) : rounds_gradient(of_gradient) {}
  std::string_view name() const override { return "rounding"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {rounds_gradient ? rounded(dy) : dy}; }
};
struct Rounds {
  bool value = false, gradient = false;
};
Variable kept(const Variable& x, Rounds rounds) {
  const Variable inputs[] = {x};
  return record<RoundingNode>(rounds.value ? rounded(x.tensor()) : x.tensor(), inputs, rounds.gradient);
}

MBConv block_with_rounded_products(const MBConvSizes& z) {
  MBConv block = block_of(z);
  if (block.expand) block.expand->weight.value = rounded(block.expand->weight.value);
  block.project.weight.value = rounded(block.project.weight.value);
  return block;
}

template <class Forward>
Named results_of(const MBConvSizes& z, Device device, Forward forward) {
  MBConv block = block_with_rounded_products(z);
  move_to(block, device);
  Tape tape;
  const Tensor values = rounded(drawn({z.N, z.H, z.W, z.in}, 0.1, 1, 1)).to(device);
  const bool in_bfloat16 = device.is_cuda() && cuda::keeps_bfloat16();
  const Variable x = tape.input(in_bfloat16 ? values.in_bfloat16() : values);
  const Variable y = forward(block, x, Pass{.mode = Mode::train, .tape = &tape});
  EXPECT_EQ(y.tensor().dtype(), x.tensor().dtype());
  const Tensor dy = rounded(drawn(y.shape(), 0, 1, 2)).to(device);
  const Gradients g = tape.backward(y, in_bfloat16 ? dy.in_bfloat16() : dy);
  Named all{{"y", y.tensor()},
            {"dx", g.of(x)},
            {"depthwise weight", g.of(block.depthwise.weight)},
            {"depthwise gamma", g.of(block.depthwise.norm.gamma)},
            {"project weight", g.of(block.project.weight)},
            {"running mean", block.depthwise.norm.running_mean},
            {"running variance", block.depthwise.norm.running_var}};
  if (block.expand) all.emplace_back("expand weight", g.of(block.expand->weight));
  if (block.expand) all.emplace_back("expand gamma", g.of(block.expand->norm.gamma));
  if (block.se) all.emplace_back("gate weight", g.of(block.se->expand_weight));
  for (auto& [name, tensor] : all) tensor = on_host(tensor);
  return all;
}

Named fused(const MBConvSizes& z, Device device) {
  return results_of(z, device, [](MBConv& block, const Variable& x, const Pass& pass) { return fused_mbconv(block, x, pass); });
}

// x, z1, z2, the scaled activation and z3 with their gradients, and the gradients through the activations.
Named composed_with_roundings(const MBConvSizes& z) {
  return results_of(z, {}, [](MBConv& block, const Variable& x, const Pass& pass) {
    Variable e = kept(x, {.gradient = true});
    if (block.expand) {
      const Variable z1 = kept(block.expand->convolve(e, pass), {true, true});
      e = activate(kept(block.expand->norm.forward(z1, pass), {.gradient = true}), block.expand->activation);
    }
    const Variable z2 = kept(block.depthwise.convolve(e, pass), {.value = true});
    const Variable d = activate(kept(block.depthwise.norm.forward(z2, pass), {.gradient = true}), block.depthwise.activation);
    const Variable q = kept(block.se ? block.se->forward(d, pass) : d, {true, true});
    return kept(block.project.convolve(q, pass), {.value = true});
  });
}

double root_mean_square(const Tensor& a, const Tensor* b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.host().size(); ++i) {
    const double difference = static_cast<double>(a.host()[i]) - (b != nullptr ? static_cast<double>(b->host()[i]) : 0.0);
    sum += difference * difference;
  }
  return std::sqrt(sum / static_cast<double>(a.host().size()));
}

class BFloat16MBConv : public ::testing::TestWithParam<MBConvSizes> {};

// In the same places: next to nothing is left of the difference from float32 on the host, where a few values are rounded to the other
// side. A GPU adds up in other orders, so that it is more of them.
TEST_P(BFloat16MBConv, RoundsWhereItSays) {
  const MBConvSizes& z = GetParam();
  const TierScope tier(cuda::Tier::run_to_run);
  const Named plain = fused(z, Device::cuda_host()), twin = composed_with_roundings(z);
  const PrecisionScope precision(cuda::Precision::bf16);
  // A ReLU6's slope jumps where a rounding passes a kink.
  const double most = z.activation == Activation::relu6 ? 0.1 : 0.03;
  for (const Device device : cuda_devices()) {
    const Named got = fused(z, device);
    const double left = device.is_gpu() ? 0.2 : 1e-2;
    EXPECT_GT(root_mean_square(got[0].second, &plain[0].second), 1e-4 * root_mean_square(plain[0].second, nullptr));
    for (std::size_t t = 0; t < got.size(); ++t) {
      const double size = root_mean_square(plain[t].second, nullptr);
      const double error = root_mean_square(got[t].second, &plain[t].second) / size;
      EXPECT_LT(root_mean_square(got[t].second, &twin[t].second) / size, left * error + 1e-6) << got[t].first;
      EXPECT_LT(error, most) << got[t].first;
    }
  }
}

// cuDNN's graphs of tensors in bfloat16, on the host interpreted. The values between its convolutions and the passes around them lie in bfloat16 as
// well, and so do its weights: a few roundings more.
TEST_P(BFloat16MBConv, ByCudnnsGraphsIsAsNearToFloat32) {
  const MBConvSizes& z = GetParam();
  if (z.N * z.H * z.W > 10'000) GTEST_SKIP() << "minutes of the interpreter";
  const TierScope tier(cuda::Tier::run_to_run);
  for (const Device device : cuda_devices()) {
    const Named plain = fused(z, device);
    const PrecisionScope precision(cuda::Precision::bf16);
    const Named ours = fused(z, device);
    const KernelsScope kernels(cuda::Kernels::cudnn);
    const Named theirs = fused(z, device);
    for (std::size_t t = 0; t < plain.size(); ++t) {
      const double error = root_mean_square(ours[t].second, &plain[t].second);
      const double size = root_mean_square(plain[t].second, nullptr);
      EXPECT_LT(root_mean_square(theirs[t].second, &plain[t].second), 3 * error + 2e-3 * size) << plain[t].first;
    }
  }
}

std::vector<MBConvSizes> cases_of_enough_values() {
  std::vector<MBConvSizes> cases;
  for (const MBConvSizes& z : mbconv_cases()) {
    if (z.H * z.W > 16) cases.push_back(z);
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Blocks, BFloat16MBConv, ::testing::ValuesIn(cases_of_enough_values()));

// Half of the bytes of what is saved for the backward pass, and of what that makes.
TEST(BFloat16MBConvMemory, IsHalfOfTheExpandedTensors) {
  const TierScope tier(cuda::Tier::run_to_run);
  const MBConvSizes z{16, 32, 32, 16, 6, 24, 3, 1, true, Activation::swish, PaddingRule::symmetric};
  const auto peak = [&] {
    release_cached_storage(Device::cuda_host());
    reset_peak(Device::cuda_host());
    fused(z, Device::cuda_host());
    return static_cast<double>(storage_statistics(Device::cuda_host()).peak_bytes);
  };
  const double plain = peak();
  const PrecisionScope precision(cuda::Precision::bf16);
  EXPECT_LT(peak(), 0.62 * plain);
}

}  // namespace
}  // namespace vitrine::testing
