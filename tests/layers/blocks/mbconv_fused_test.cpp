// The fused MBConv against its composed twin: output, every gradient, running statistics; the same bits for all threads and sets.
#include "layers/blocks/mbconv_fused.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/parallel.h"
#include "tests/cuda_devices.h"
#include "tests/layers/blocks/mbconv_cases.h"
#include "tests/layers/twins.h"
#include "tests/saved_tensors.h"

namespace vitrine::testing {
namespace {

using Sizes = MBConvSizes;

// One training pass and its gradients.
Named run(const Sizes& z, bool fused, Device device = {}) {
  MBConv block = block_of(z);
  move_to(block, device);
  Tape tape;
  const Variable x = tape.input(drawn({z.N, z.H, z.W, z.in}, 0.1, 1, 1).to(device));
  const Variable y = block.forward(x, {.mode = Mode::train, .tape = &tape, .fused = fused});
  const Gradients g = tape.backward(y, drawn(y.shape(), 0, 1, 2).to(device));
  Named all{{"y", y.tensor()}, {"dx", g.of(x)}};
  const auto add = [&](const std::string& name, const ConvNorm& u) {
    all.emplace_back(name + " weight", g.of(u.weight));
    all.emplace_back(name + " gamma", g.of(u.norm.gamma));
    all.emplace_back(name + " beta", g.of(u.norm.beta));
    all.emplace_back(name + " running mean", u.norm.running_mean);
    all.emplace_back(name + " running variance", u.norm.running_var);
  };
  if (block.expand) add("expand", *block.expand);
  add("depthwise", block.depthwise);
  add("project", block.project);
  if (block.se) {
    all.emplace_back("reduce weight", g.of(block.se->reduce_weight));
    all.emplace_back("reduce bias", g.of(block.se->reduce_bias));
    all.emplace_back("expand weight", g.of(block.se->expand_weight));
    all.emplace_back("expand bias", g.of(block.se->expand_bias));
  }
  for (auto& [name, tensor] : all) tensor = tensor.to(Device::cpu());
  return all;
}

// The fused op alone, whatever the pass would fuse.
Named run_expanded_part(const Sizes& z, Device device) {
  MBConv block = block_of(z);
  move_to(block, device);
  Tape tape;
  const Variable x = tape.input(drawn({z.N, z.H, z.W, z.in}, 0.1, 1, 1).to(device));
  const Variable y = fused_mbconv(block, x, {.mode = Mode::train, .tape = &tape});
  const Gradients g = tape.backward(y, drawn(y.shape(), 0, 1, 2).to(device));
  Named all{{"y", y.tensor()},
            {"dx", g.of(x)},
            {"depthwise weight", g.of(block.depthwise.weight)},
            {"depthwise gamma", g.of(block.depthwise.norm.gamma)},
            {"running mean", block.depthwise.norm.running_mean},
            {"running variance", block.depthwise.norm.running_var},
            {"project weight", g.of(block.project.weight)}};
  if (block.expand) all.emplace_back("expand weight", g.of(block.expand->weight));
  for (auto& [name, tensor] : all) tensor = tensor.to(Device::cpu());
  return all;
}

class FusedMBConv : public ::testing::TestWithParam<Sizes> {};

TEST_P(FusedMBConv, AgreesWithTheComposedBlock) {
  const Sizes& z = GetParam();
  ASSERT_TRUE(fits_fused_mbconv(block_of(z), {z.N, z.H, z.W, z.in}));
  // Both round differently in statistics and weight gradients only; batch norm over few rows amplifies that.
  expect_near(run(z, true), run(z, false), 2e-6f);
}

TEST_P(FusedMBConv, HasTheSameBitsForAnyThreadsAndInstructionSet) {
  expect_same_bits_everywhere([] { return run(GetParam(), true); });
}

TEST_P(FusedMBConv, HasTheBitsOfTheCpuOnACudaDeviceInThePortableTier) {
  const TierScope scope(cuda::Tier::portable);
  for (const bool fused : {true, false}) {
    const Named expected = run(GetParam(), fused);
    for (const Device device : cuda_devices()) {
      const Named got = run(GetParam(), fused, device);
      for (std::size_t t = 0; t < expected.size(); ++t) {
        const auto a = got[t].second.host(), b = expected[t].second.host();
        for (std::size_t i = 0; i < b.size(); ++i)
          ASSERT_EQ(a[i], b[i]) << expected[t].first << " " << i << " " << device.text() << fused;
      }
    }
  }
}

TEST_P(FusedMBConv, AgreesWithTheComposedBlockOnACudaDeviceInTheRunToRunTier) {
  const TierScope scope(cuda::Tier::run_to_run);
  // Sums of the gate and of the taps have another order than the composed ops'; a GPU's libraries add up in one accumulator each.
  for (const Device device : cuda_devices())
    expect_near(run(GetParam(), true, device), run(GetParam(), false), device.is_gpu() ? 2e-5f : 4e-6f);
}

// What --kernels fastest may choose beside our own: cuDNN's depthwise convolutions with passes around them, its products.
TEST_P(FusedMBConv, ByCudnnsConvolutionsAgreesWithOurKernels) {
  const TierScope scope(cuda::Tier::run_to_run);
  const Sizes& z = GetParam();
  for (const Device device : cuda_devices()) {
    const auto by = [&](cuda::Kernels which) {
      const KernelsScope kernels(which);
      return run_expanded_part(z, device);
    };
    expect_near(by(cuda::Kernels::cudnn), by(cuda::Kernels::own), device.is_gpu() ? 2e-5f : 4e-6f);
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, FusedMBConv, ::testing::ValuesIn(mbconv_cases()));

TEST_P(FusedMBConv, NodesShowWhatTheyHold) {
  const Sizes& z = GetParam();
  for (const bool fused : {true, false}) {
    expect_nodes_show_what_they_hold([&](Tape& tape) {
      MBConv block = block_of(z);
      const Variable x = tape.input(drawn({z.N, z.H, z.W, z.in}, 0.1, 1, 1));
      block.forward(x, {.mode = Mode::train, .tape = &tape, .fused = fused});
    });
  }
}

// Weights whose sums one thread joins and several threads do not: of 16 whole slabs; of 24, and segments
// of four images and of three; of 21 without expansion, the last one 40 channels wide.
TEST(FusedMBConvSums, AreTheSameJoinedAndBySegments) {
  constexpr PaddingRule kSymmetric = PaddingRule::symmetric;
  const Sizes whole{3, 16, 16, 128, 6, 128, 3, 2, true, Activation::swish, kSymmetric};
  const Sizes uneven{7, 8, 8, 192, 6, 128, 5, 1, true, Activation::swish, kSymmetric};
  const Sizes cut{3, 16, 16, 1000, 1, 96, 3, 2, true, Activation::swish, kSymmetric};
  const int threads = thread_count();
  for (const auto& [z, too_many] : {std::pair{whole, 7}, std::pair{uneven, 7}, std::pair{cut, 4}}) {
    const kernels::MBConvShape shape = kernels::fused_mbconv_shape(block_of(z), {z.N, z.H, z.W, z.in});
    set_thread_count(too_many);
    EXPECT_FALSE(kernels::joins_segments(shape, z.out));
    const Named by_segments = run(z, true);
    set_thread_count(1);
    EXPECT_TRUE(kernels::joins_segments(shape, z.out));
    const Named joined = run(z, true);
    set_thread_count(threads);
    for (std::size_t t = 0; t < joined.size(); ++t)
      EXPECT_TRUE(std::ranges::equal(joined[t].second.host(), by_segments[t].second.host())) << joined[t].first;
    expect_near(joined, run(z, false), 2e-6f);  // as FusedMBConv.AgreesWithTheComposedBlock
    expect_same_bits_everywhere([&, size = z] { return run(size, true); });
  }
}

// Whoever writes a weight between forward and backward is told so, or its gradients are still those of the forward pass: fused or not.
TEST(FusedMBConvWeights, CannotBeChangedBeneathTheTape) {
  const Sizes z{2, 6, 6, 48, 1, 48, 3, 1, true, Activation::swish, PaddingRule::symmetric};
  for (const bool fused : {true, false}) {
    MBConv block = block_of(z);
    Tape tape;
    const Variable x = tape.input(drawn({z.N, z.H, z.W, z.in}, 0.1, 1, 1));
    const Variable y = block.forward(x, {.mode = Mode::train, .tape = &tape, .fused = fused});
    for (Parameter* p : {&block.depthwise.weight, &block.project.weight, &block.se->reduce_weight, &block.se->expand_weight})
      EXPECT_THROW(p->value.mutable_data(), Error) << fused;
    block.se->reduce_weight.value = Tensor::zeros(block.se->reduce_weight.value.shape());  // another tensor in its place
    const Tensor dx = tape.backward(y, drawn(y.shape(), 0, 1, 2)).of(x);
    const Named whole = run(z, fused);
    EXPECT_EQ(whole[1].first, "dx");
    EXPECT_TRUE(std::ranges::equal(dx.host(), whole[1].second.host())) << fused;
  }
}

// An activation that no kernel knows does not pass for another.
TEST(FusedMBConvActivation, OnlyThoseOfTheListAreTaken) {
  for (const bool fused : {true, false}) {
    Sizes z{2, 6, 6, 8, 6, 8, 3, 1, true, static_cast<Activation>(99), PaddingRule::symmetric};
    EXPECT_THROW(run(z, fused), InternalError) << fused;
    z.ratio = 1;
    EXPECT_THROW(run(z, fused), InternalError) << fused;
  }
}

}  // namespace
}  // namespace vitrine::testing
