// The checker of gradients over the parameters of a module.
#include "nn/modules/check_gradient.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layers/cross_entropy.h"
#include "layers/global_average_pool.h"
#include "layers/linear.h"
#include "layers/swish.h"
#include "nn/modules/layers.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

struct Net {
  Conv2d conv{2, 6, 3, {.stride = 2}};
  BatchNorm2d norm{6};
  Linear out{6, 3};
  Variable forward(const Variable& x, const Pass& pass) {
    return out(global_average_pool(swish(norm(conv(x, pass), pass))), pass);
  }
  void visit(const Visitor& v) { v("conv", conv), v("norm", norm), v("out", out); }
};

const Tensor kTargets = Tensor::from({2, 3}, std::vector<float>{1, 0, 0, 0, 0.25f, 0.75f});

TEST(CheckGradientOfAModule, PassesANetworkInTrainingAndLeavesItAsItWas) {
  Net net;
  initialize(net, 3);
  std::vector<std::vector<float>> before;
  for (const ModuleTensor& t : tensors_of(net)) before.emplace_back(t.value->host().begin(), t.value->host().end());
  const Tensor x = drawn({2, 7, 7, 2}, 0.2, 1, 9);
  const auto loss = [&](Tape& tape) { return cross_entropy(net.forward(x, {.mode = Mode::train, .tape = &tape}), kTargets); };
  const GradientCheck check = check_gradient(net, loss);
  EXPECT_TRUE(check.ok) << check.text();
  EXPECT_GT(check.compared, 50);
  std::size_t at = 0;
  for (const ModuleTensor& t : tensors_of(net)) {
    EXPECT_EQ(std::vector<float>(t.value->host().begin(), t.value->host().end()), before[at++]) << t.name;
    EXPECT_TRUE(t.value->is_sole_owner()) << t.name;
  }
}

TEST(CheckGradientOfAModule, NamesTheTensorWhoseGradientIsWrong) {
  Net net;
  initialize(net, 3);
  const Tensor x = drawn({2, 7, 7, 2}, 0.2, 1, 9);
  const GradientCheck check = check_gradient(net, [&](Tape& tape) {
    const Pass pass{.mode = Mode::train, .tape = &tape};
    const Tensor read_beside_the_tape = net.out.bias.value;
    return cross_entropy(linear(global_average_pool(swish(net.norm(net.conv(x, pass), pass))), pass.parameter(net.out.weight),
                                read_beside_the_tape),
                         kTargets);
  });
  EXPECT_FALSE(check.ok);
  EXPECT_THAT(check.where, ::testing::HasSubstr("out.bias"));
}

}  // namespace
}  // namespace vitrine::testing
