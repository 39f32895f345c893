// The fused gate of squeeze-excitation against its composed twin: the same bits everywhere but in the run-to-run tier of a CUDA device.
#include "layers/blocks/squeeze_excitation_fused.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/cuda_devices.h"
#include "tests/layers/twins.h"
#include "tests/saved_tensors.h"

namespace vitrine::testing {
namespace {

struct Sizes {
  std::int64_t N, C, R;
};

Named run(const Sizes& z, bool fused, Device device = {}) {
  const double deviation = 1 / std::sqrt(static_cast<double>(z.C));
  SqueezeExcitation se{{drawn({z.C, z.R}, 0, deviation, 1).to(device)},
                       {drawn({z.R}, 0, 0.2, 2).to(device)},
                       {drawn({z.R, z.C}, 0, 0.5, 3).to(device)},
                       {drawn({z.C}, 0, 0.5, 4).to(device)}};
  Tape tape;
  const Variable means = tape.input(drawn({z.N, z.C}, 0.3, 1, 5).to(device));
  const Variable gate = se.gate(means, {.mode = Mode::train, .tape = &tape, .fused = fused});
  const Gradients g = tape.backward(gate, drawn({z.N, z.C}, 0, 1, 6).to(device));
  Named all{{"gate", gate.tensor()},
            {"dz", g.of(means)},
            {"reduce weight", g.of(se.reduce_weight)},
            {"reduce bias", g.of(se.reduce_bias)},
            {"expand weight", g.of(se.expand_weight)},
            {"expand bias", g.of(se.expand_bias)}};
  for (auto& [name, tensor] : all) tensor = tensor.to(Device::cpu());
  return all;
}

void expect_equal(const Named& got, const Named& want, const std::string& where) {
  for (std::size_t t = 0; t < want.size(); ++t) {
    const auto a = got[t].second.host(), b = want[t].second.host();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < b.size(); ++i) ASSERT_EQ(a[i], b[i]) << want[t].first << " " << i << " " << where;
  }
}

class FusedGate : public ::testing::TestWithParam<Sizes> {};

TEST_P(FusedGate, HasTheBitsOfTheComposedGate) {
  expect_equal(run(GetParam(), true), run(GetParam(), false), "on the CPU");
  expect_same_bits_everywhere([] { return run(GetParam(), true); });
}

TEST_P(FusedGate, NodesShowWhatTheyHold) {
  const Sizes& z = GetParam();
  expect_nodes_show_what_they_hold([&](Tape& tape) {
    const SqueezeExcitation se{
        {drawn({z.C, z.R}, 0, 1, 1)}, {drawn({z.R}, 0, 1, 2)}, {drawn({z.R, z.C}, 0, 1, 3)}, {drawn({z.C}, 0, 1, 4)}};
    fused_gate(se, tape.input(drawn({z.N, z.C}, 0, 1, 5)), {.mode = Mode::train, .tape = &tape});
  });
}

TEST_P(FusedGate, HasTheBitsOfTheCpuOnACudaDeviceInThePortableTier) {
  const TierScope scope(cuda::Tier::portable);
  for (const Device device : cuda_devices()) expect_equal(run(GetParam(), true, device), run(GetParam(), false), device.text());
}

TEST_P(FusedGate, AgreesOnACudaDeviceInTheRunToRunTierAndRepeatsItsBits) {
  const TierScope scope(cuda::Tier::run_to_run);
  for (const Device device : cuda_devices()) {
    const Named got = run(GetParam(), true, device);
    expect_near(got, run(GetParam(), false), 4e-6f);  // sums over up to 3,840 channels in another order
    expect_equal(run(GetParam(), true, device), got, "repeated on " + device.text());
  }
}

// The gates of b0's first and last blocks and of b7's widest; rows of three parts; batches that cross a chunk of the sums over images.
INSTANTIATE_TEST_SUITE_P(Gates, FusedGate,
                         ::testing::Values(Sizes{1, 1, 1}, Sizes{3, 32, 8}, Sizes{2, 96, 4}, Sizes{5, 1152, 48},
                                           Sizes{2, 3840, 160}, Sizes{17, 672, 28}, Sizes{1030, 17, 3}, Sizes{3, 200, 300}),
                         [](const auto& info) {
                           return std::to_string(info.param.N) + "x" + std::to_string(info.param.C) + "to" +
                                  std::to_string(info.param.R);
                         });

TEST(FusedGateSizes, WithoutRoomTheGateIsComposed) {
  SqueezeExcitation se;
  se.reduce_weight.value = Tensor::zeros({64, 400});
  EXPECT_FALSE(fits_fused_gate(se));
  se.reduce_weight.value = Tensor::zeros({64, 16});
  EXPECT_TRUE(fits_fused_gate(se));
}

TEST(FusedGateSizes, OtherMeansAreRefused) {
  const SqueezeExcitation se{{Tensor::zeros({6, 2})}, {Tensor::zeros({2})}, {Tensor::zeros({2, 6})}, {Tensor::zeros({6})}};
  EXPECT_THROW(gate_forward(se, Tensor::zeros({3, 5})), ShapeError);
}

// The node holds the weights of its forward pass.
TEST(FusedGateWeights, CannotBeChangedBeneathTheTape) {
  for (const bool fused : {true, false}) {
    SqueezeExcitation se{{drawn({6, 2}, 0, 1, 1)}, {drawn({2}, 0, 1, 2)}, {drawn({2, 6}, 0, 1, 3)}, {drawn({6}, 0, 1, 4)}};
    Tape tape;
    const Variable z = tape.input(drawn({3, 6}, 0, 1, 5));
    const Variable gate = se.gate(z, {.mode = Mode::train, .tape = &tape, .fused = fused});
    EXPECT_THROW(se.reduce_weight.value.mutable_data(), Error) << fused;
    EXPECT_THROW(se.expand_weight.value.mutable_data(), Error) << fused;
    tape.backward(gate, drawn({3, 6}, 0, 1, 6));
    EXPECT_NO_THROW(se.expand_weight.value.mutable_data()) << fused;
  }
}

}  // namespace
}  // namespace vitrine::testing
