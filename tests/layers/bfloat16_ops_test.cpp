// The ops that also compute with images in bfloat16: each against itself in float32 on the same values, whose results it must have, rounded.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "layers/add.h"
#include "layers/blocks/conv_norm_fused.h"
#include "layers/conv2d.h"
#include "layers/global_average_pool.h"
#include "layers/global_max_pool.h"
#include "tensor/bfloat16.h"
#include "tests/cuda_devices.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

// What an op makes of its inputs: the output and all gradients. The first `images` of the inputs, and the upstream gradient where y is an image,
// are given as bfloat16.
using Apply = std::function<Variable(std::span<const Variable>, Tape&)>;
Named results_of(const std::vector<Tensor>& inputs, std::size_t images, const Apply& apply, Device device) {
  Tape tape;
  std::vector<Variable> leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    leaves.push_back(tape.input(i < images ? inputs[i].to(device).in_bfloat16() : inputs[i].to(device)));
  const Variable y = apply(leaves, tape);
  const Tensor dy = rounded(drawn(y.shape(), 0, 1, 77)).to(device);
  const Gradients g = tape.backward(y, y.tensor().dtype() == DType::bf16 ? dy.in_bfloat16() : dy);
  Named all{{"y", on_host(y.tensor())}};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(g.of(leaves[i]).dtype(), i < images ? DType::bf16 : DType::f32) << i;
    all.emplace_back("gradient " + std::to_string(i), on_host(g.of(leaves[i])));
  }
  return all;
}

// On cuda-host sums have the same order in both types, so that nothing differs but the last rounding of what is kept in bfloat16.
void expect_rounded_results(const std::vector<Tensor>& inputs, std::size_t images, bool makes_image, const Apply& apply) {
  const TierScope tier(cuda::Tier::run_to_run);
  for (const Device device : cuda_devices()) {
    Named want = results_of(inputs, 0, apply, device);
    const Named got = results_of(inputs, images, apply, device);
    for (std::size_t t = 0; t < want.size(); ++t) {
      if (t == 0 ? makes_image : t - 1 < images) want[t].second = rounded(want[t].second);
    }
    expect_near(got, want, device.is_gpu() ? 1e-2f : 0.0f);
  }
}

Tensor image(const Shape& shape, std::uint32_t op) { return rounded(drawn(shape, 0.1, 1, op)); }

TEST(BFloat16Ops, ConvolutionsRoundWhatTheyKeep) {
  // The same weights in both types; a stem and a head.
  expect_rounded_results({image({2, 15, 13, 3}, 1), rounded(drawn({3, 3, 3, 32}, 0, 0.2, 2))}, 1, true,
                         [](std::span<const Variable> in, Tape&) {
                           return conv2d(in[0], in[1], Variable(), {2, same_padding(15, 13, 3, 2)});
                         });
  expect_rounded_results({image({2, 5, 4, 48}, 3), rounded(drawn({1, 1, 48, 80}, 0, 0.2, 4))}, 1, true,
                         [](std::span<const Variable> in, Tape&) {
                           return conv2d(in[0], in[1], Variable(), {1, {}});
                         });
}

TEST(BFloat16Ops, ConvolutionsRoundTheirWeights) {
  const TierScope tier(cuda::Tier::run_to_run);
  const Tensor x = image({2, 6, 5, 8}, 1), w = drawn({3, 3, 8, 16}, 0, 0.2, 2);
  const Apply apply = [](std::span<const Variable> in, Tape&) {
    return conv2d(in[0], in[1], Variable(), {1, symmetric_padding(3)});
  };
  expect_near(results_of({x, w}, 1, apply, Device::cuda_host()), results_of({x, rounded(w)}, 1, apply, Device::cuda_host()), 0);
}

TEST(BFloat16Ops, NormsWithAnActivationOrAResidualRoundWhatTheyKeep) {
  const auto norm_of = [](std::int64_t C) {
    BatchNorm norm = BatchNorm::identity(C, 1e-3, 0.1);
    norm.gamma.value = drawn({C}, 1, 0.2, 5);
    norm.beta.value = drawn({C}, 0, 0.3, 6);
    return norm;
  };
  const auto moved = [](BatchNorm& norm, Device device) {
    for (Tensor* t : {&norm.gamma.value, &norm.beta.value, &norm.running_mean, &norm.running_var}) *t = t->to(device);
  };
  const Shape shape{4, 6, 5, 24};
  expect_rounded_results({image(shape, 7)}, 1, true, [&](std::span<const Variable> in, Tape& tape) {
    BatchNorm norm = norm_of(24);
    moved(norm, in[0].tensor().device());
    return fused_norm(norm, in[0], Activation::swish, Pass::train(tape));
  });
  for (const double rate : {0.0, 0.4}) {
    expect_rounded_results({image(shape, 7), image(shape, 8)}, 2, true, [&](std::span<const Variable> in, Tape& tape) {
      BatchNorm norm = norm_of(24);
      moved(norm, in[0].tensor().device());
      return fused_norm(norm, in[0], std::nullopt, Pass::train(tape, DropKey{3, 1, 0}), Residual{in[1], rate, 2});
    });
  }
}

TEST(BFloat16Ops, PoolsMakeFloat32) {
  const Tensor x = image({3, 4, 5, 17}, 9);
  expect_rounded_results({x}, 1, false, [](std::span<const Variable> in, Tape&) { return global_average_pool(in[0]); });
  expect_rounded_results({x}, 1, false, [](std::span<const Variable> in, Tape&) { return global_max_pool(in[0]); });
}

// A value that two ops read: the tape adds their gradients, and rounds the sum.
TEST(BFloat16Ops, TheTapeAddsGradients) {
  const TierScope tier(cuda::Tier::run_to_run);
  const Tensor x = image({2, 3, 3, 8}, 1);
  for (const Device device : cuda_devices()) {
    const auto gradient = [&](const Apply& apply) { return results_of({x}, 1, apply, device)[1].second; };
    const Tensor mean = gradient([](std::span<const Variable> in, Tape&) { return global_average_pool(in[0]); });
    const Tensor largest = gradient([](std::span<const Variable> in, Tape&) { return global_max_pool(in[0]); });
    const Tensor both =
        gradient([](std::span<const Variable> in, Tape&) { return add(global_average_pool(in[0]), global_max_pool(in[0])); });
    for (std::size_t i = 0; i < both.host().size(); ++i)
      EXPECT_EQ(both.host()[i], widened(to_bfloat16(mean.host()[i] + largest.host()[i]))) << device.text() << " " << i;
  }
}

template <class Run>
void expect_refusal_of_type(Run run, const std::string& part) {
  try {
    run();
    FAIL() << "nothing was refused";
  } catch (const DTypeError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(BFloat16Ops, AreRefusedWhereThereAreNoKernels) {
  const Tensor x = image({2, 4, 4, 8}, 1), w = drawn({1, 1, 8, 8}, 0, 0.2, 2);
  const auto pooled = [](const Tensor& t) { return global_average_pool(Variable(t)); };
  expect_refusal_of_type([&] { pooled(x.in_bfloat16()); }, "holds BF16, expected F32");
  const Device host = Device::cuda_host();
  const Tensor there = x.to(host).in_bfloat16();
  {
    const TierScope tier(cuda::Tier::portable);
    expect_refusal_of_type([&] { pooled(there); }, "holds BF16, expected F32");
  }
  const TierScope tier(cuda::Tier::run_to_run);
  EXPECT_NO_THROW(pooled(there));
  const Variable weight(w.to(host)), bias(Tensor::zeros({8}, host));
  expect_refusal_of_type([&] { conv2d(Variable(there), weight, bias, {1, {}}); }, "no kernels with a bias");
  expect_refusal_of_type(
      [&] {
        conv2d(Variable(there), Variable(w.to(host).in_bfloat16()), Variable(), {1, {}});
      },
      "input 1 [1, 1, 8, 8] holds BF16, expected F32");
  Tape tape;
  BatchNorm norm = BatchNorm::identity(8, 1e-3, 0.1);
  for (Tensor* t : {&norm.gamma.value, &norm.beta.value, &norm.running_mean, &norm.running_var}) *t = t->to(host);
  const Residual in_float32{Variable(x.to(host)), 0, 0};
  expect_refusal_of_type([&] { fused_norm(norm, tape.input(there), std::nullopt, Pass::train(tape), in_float32); },
                         "input 3 [2, 4, 4, 8] holds F32, expected BF16");
}

}  // namespace
}  // namespace vitrine::testing
