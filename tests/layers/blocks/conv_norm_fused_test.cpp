// The fused norm against batch_norm and the activation's op; the same bits for all threads and sets; large means cost no digits.
#include "layers/blocks/conv_norm_fused.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "layers/add.h"
#include "layers/drop_connect.h"
#include "layers/unary.h"
#include "tests/cuda_devices.h"
#include "tests/layers/twins.h"
#include "tests/saved_tensors.h"

namespace vitrine::testing {
namespace {

struct Case {
  std::int64_t rows, C;
  std::optional<Activation> activation;
  double mean;
};

Named run(const Case& c, bool fused) {
  BatchNorm norm = BatchNorm::identity(c.C, 1e-3, 0.1);
  norm.gamma.value = drawn({c.C}, 1, 0.2, 1);
  norm.beta.value = drawn({c.C}, 0, 0.5, 2);
  Tape tape;
  const Pass pass{.mode = Mode::train, .tape = &tape};
  const Variable x = tape.input(drawn({c.rows, c.C}, c.mean, 1, 3));
  Variable y;
  if (fused) {
    y = fused_norm(norm, x, c.activation, pass);
  } else {
    y = norm.forward(x, pass);
    if (c.activation) y = unary(*c.activation, y);
  }
  const Gradients g = tape.backward(y, drawn(y.shape(), 0, 1, 4));
  return {{"y", y.tensor()},
          {"dx", g.of(x)},
          {"dgamma", g.of(norm.gamma)},
          {"dbeta", g.of(norm.beta)},
          {"running mean", norm.running_mean},
          {"running variance", norm.running_var}};
}

class NormOnLoad : public ::testing::TestWithParam<Case> {};

TEST_P(NormOnLoad, AgreesWithTheComposedOps) {
  // Only the statistics round differently, in float64: a unit or two in the last place of what follows from them.
  expect_near(run(GetParam(), true), run(GetParam(), false), 5e-7f);
}

TEST_P(NormOnLoad, HasTheSameBitsForAnyThreadsAndInstructionSet) {
  expect_same_bits_everywhere([] { return run(GetParam(), true); });
}

// A norm whose values are added to what goes around it, with and without dropped images.
Named run_residual(double drop_rate, bool fused, Device device = {}) {
  const Shape shape{6, 5, 3, 20};
  BatchNorm norm = BatchNorm::identity(20, 1e-3, 0.1);
  norm.gamma.value = drawn({20}, 1, 0.2, 1).to(device);
  norm.beta.value = drawn({20}, 0, 0.5, 2).to(device);
  norm.running_mean = norm.running_mean.to(device);
  norm.running_var = norm.running_var.to(device);
  Tape tape;
  const Pass pass{.mode = Mode::train, .tape = &tape, .key = DropKey{3, 1, 7}};
  const Variable x = tape.input(drawn(shape, 0.2, 1, 3).to(device)), skip = tape.input(drawn(shape, 0, 1, 5).to(device));
  Variable y;
  if (fused) {
    y = fused_norm(norm, x, std::nullopt, pass, Residual{skip, drop_rate, 9});
  } else {
    y = add(skip, drop_connect(fused_norm(norm, x, std::nullopt, pass), drop_rate, pass.key, 9));
  }
  const Gradients g = tape.backward(y, drawn(shape, 0, 1, 4).to(device));
  Named all{
      {"y", y.tensor()}, {"dx", g.of(x)}, {"dskip", g.of(skip)}, {"dgamma", g.of(norm.gamma)}, {"dbeta", g.of(norm.beta)}};
  for (auto& [name, tensor] : all) tensor = tensor.to(Device::cpu());
  return all;
}

TEST(FusedNormResidual, HasTheBitsOfTheComposedOpsOnEveryDevice) {
  for (const double drop_rate : {0.0, 0.5}) {
    const Named want = run_residual(drop_rate, false);
    expect_same_bits_everywhere([&] { return run_residual(drop_rate, true); });
    std::vector<Named> got{run_residual(drop_rate, true)};
    const TierScope scope(cuda::Tier::portable);
    for (const Device device : cuda_devices()) got.push_back(run_residual(drop_rate, true, device));
    for (const Named& all : got) {
      for (std::size_t t = 0; t < want.size(); ++t) {
        const auto a = all[t].second.host(), b = want[t].second.host();
        for (std::size_t i = 0; i < b.size(); ++i) ASSERT_EQ(a[i], b[i]) << want[t].first << " " << i << " " << drop_rate;
      }
    }
  }
}

TEST(FusedNormResidual, NodesShowWhatTheyHold) {
  for (const double drop_rate : {0.0, 0.5}) {
    expect_nodes_show_what_they_hold([&](Tape& tape) {
      BatchNorm norm = BatchNorm::identity(20, 1e-3, 0.1);
      const Variable x = tape.input(drawn({6, 5, 3, 20}, 0.2, 1, 3));
      const Pass pass{.mode = Mode::train, .tape = &tape, .key = DropKey{3, 1, 7}};
      fused_norm(norm, x, Activation::swish, pass, Residual{x, drop_rate, 9});
    });
  }
}

TEST(FusedNormResidual, RefusesOtherShapesAndRates) {
  BatchNorm norm = BatchNorm::identity(3, 1e-3, 0.1);
  Tape tape;
  const Pass pass{.mode = Mode::train, .tape = &tape};
  const Variable x = tape.input(Tensor::zeros({4, 3})), other = tape.input(Tensor::zeros({3, 3}));
  EXPECT_THROW(fused_norm(norm, x, std::nullopt, pass, Residual{other}), ShapeError);
  EXPECT_THROW(fused_norm(norm, x, std::nullopt, pass, Residual{x, 1.0}), UsageError);
}

INSTANTIATE_TEST_SUITE_P(Shapes, NormOnLoad,
                         ::testing::Values(Case{2, 1, std::nullopt, 0}, Case{37, 24, Activation::swish, 0},
                                           Case{1300, 40, Activation::relu6, 0}, Case{90, 24, Activation::gelu, 0},
                                           Case{700, 200, Activation::swish, 3}, Case{1025, 17, std::nullopt, -2},
                                           Case{600, 8, std::nullopt, 1000}));

TEST(NormOnLoad, RefusesASingleRowAndOtherChannels) {
  BatchNorm norm = BatchNorm::identity(3, 1e-3, 0.1);
  Tape tape;
  const Pass pass{.mode = Mode::train, .tape = &tape};
  EXPECT_THROW(fused_norm(norm, tape.input(Tensor::zeros({1, 3})), std::nullopt, pass), ShapeError);
  EXPECT_THROW(fused_norm(norm, tape.input(Tensor::zeros({4, 2})), std::nullopt, pass), ShapeError);
}

TEST(NormOnLoad, OfAConstantChannelIsBeta) {
  BatchNorm norm = BatchNorm::identity(2, 1e-3, 0.1);
  norm.beta.value = Tensor::full({2}, 0.25f);
  Tape tape;
  const Variable y =
      fused_norm(norm, tape.input(Tensor::full({50, 2}, 1e4f)), std::nullopt, {.mode = Mode::train, .tape = &tape});
  for (const float v : y.tensor().host()) EXPECT_EQ(v, 0.25f);
}

}  // namespace
}  // namespace vitrine::testing
