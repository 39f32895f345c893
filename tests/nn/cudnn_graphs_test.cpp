// The graphs of cuDNN that --kernels cudnn runs: described for every layer of every network, built in the library where the program has it, and a whole
// network computed by them.
#include <gtest/gtest.h>

#include "base/error.h"
#include "layers/cudnn/convolution.h"
#include "layers/cudnn/interpreter.h"
#include "layers/cudnn/run.h"
#include "layers/cudnn/swish.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/graphs.h"
#include "tensor/cuda/launches.h"
#include "tests/cuda_devices.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

using cuda::cudnn::Description;

class CudnnGraphs : public ::testing::TestWithParam<std::string> {};

TEST_P(CudnnGraphs, AreBuiltForEveryLayer) {
  if (!cuda::is_built()) GTEST_SKIP() << cuda::why_no_device();
  const Architecture arch = architecture(GetParam());
  std::size_t built = 0;
  for (const std::int64_t size : {std::int64_t{64}, std::int64_t{224}, std::int64_t{arch.resolution}}) {
    for (const std::int64_t batch : {1, 16}) {
      std::vector<Description> all = training_graphs(arch, batch, size), folded = prediction_graphs(arch, batch, size);
      all.insert(all.end(), folded.begin(), folded.end());
      for (const Description& d : all) {
        for (const Description& stored : {d, d.in_bfloat16(true), d.in_bfloat16(false)}) {
          EXPECT_NO_THROW(cuda::cudnn::build(stored)) << stored.what;
          ++built;
        }
      }
    }
  }
  EXPECT_GT(built, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Networks, CudnnGraphs,
                         ::testing::Values("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "lite0", "lite1", "lite2", "lite3",
                                           "lite4"),
                         [](const auto& info) { return info.param; });

TEST(CudnnGraph, WhatCudnnRefusesIsAnError) {
  if (!cuda::is_built()) GTEST_SKIP() << cuda::why_no_device();
  EXPECT_THROW(cuda::cudnn::build(cuda::cudnn::convolution({1, 8, 8, 0, 3, 3, 4, 4, 4, 2, {}}, false)), Error);
}

// A step whose sizes do not fit is our bug, on every machine.
TEST(CudnnGraph, TheInterpreterRefusesStepsThatDoNotFit) {
  alignas(16) float x[8] = {}, y[8] = {};
  Description rows{"a sum over nothing that fits", {}, {}};
  const std::size_t in = rows.memory(cuda::cudnn::image(1, 1, 2, 4));
  rows.sum(in, rows.memory(cuda::cudnn::image(1, 1, 3, 1)));
  EXPECT_THROW(cuda::cudnn::interpret(rows, {x, y}), InternalError);
  const Description window = cuda::cudnn::convolution({1, 2, 2, 2, 1, 1, 2, 2, 1, 1, {}}, false);  // Q is 2
  EXPECT_THROW(cuda::cudnn::interpret(window, {x, x, y}), InternalError);
  EXPECT_THROW(cuda::cudnn::interpret(cuda::cudnn::swish(8), {x}), InternalError);
  EXPECT_THROW(cuda::cudnn::interpret(cuda::cudnn::swish(4), {x, nullptr}), InternalError);
  EXPECT_THROW(cuda::cudnn::interpret(cuda::cudnn::swish(4), {x, y + 1}), InternalError);
}

// A whole b0's output and gradients by the graphs, against our own kernels.
TEST(CudnnGraph, AWholeNetworkIsComputedByThem) {
  const auto gradients_of = [](Device device) {
    EfficientNet net(architecture("b0"), Semantics{}, 2);
    net.initialize(7);
    net.to(device);
    Tape tape;
    const Variable y = net.forward(drawn({8, 64, 64, 3}, 0, 1, 1).to(device), Pass::train(tape, DropKey{}));
    const Gradients found = tape.backward(y, drawn({8, 2}, 0, 1, 2).to(device));
    Named all{{"logits", y.tensor().to(Device::cpu())}};
    net.visit([&](const NamedTensor& t) {
      // A bias before a norm has a gradient of rounding alone.
      if (t.parameter != nullptr && t.name.ends_with("weight"))
        all.emplace_back(t.name, found.of(*t.parameter).to(Device::cpu()));
    });
    return all;
  };
  const TierScope tier(cuda::Tier::run_to_run);
  const Named want = gradients_of(Device::cpu());
  for (const Device device : cuda_devices()) {
    const KernelsScope kernels(cuda::Kernels::cudnn);
    expect_near(gradients_of(device), want, device.is_gpu() ? 1e-3f : 1e-4f);
  }
}

}  // namespace
}  // namespace vitrine::testing
