// The fused norm against batch_norm and the activation's op; the same bits for all threads and sets; large means cost no digits.
#include "layers/fused_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "layers/relu6.h"
#include "layers/swish.h"
#include "tests/layers/twins.h"

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
    if (c.activation) y = *c.activation == Activation::swish ? swish(y) : relu6(y);
  }
  const Gradients g = tape.backward(y, drawn(y.shape(), 0, 1, 4));
  return {{"y", y.tensor()},
          {"dx", g.of(x)},
          {"dgamma", g.of(norm.gamma)},
          {"dbeta", g.of(norm.beta)},
          {"running mean", norm.running_mean},
          {"running variance", norm.running_var}};
}

class FusedNorm : public ::testing::TestWithParam<Case> {};

TEST_P(FusedNorm, AgreesWithTheComposedOps) {
  // Only the statistics round differently, in float64: a unit or two in the last place of what follows from them.
  expect_near(run(GetParam(), true), run(GetParam(), false), 5e-7f);
}

TEST_P(FusedNorm, HasTheSameBitsForAnyThreadsAndInstructionSet) {
  expect_same_bits_everywhere([] { return run(GetParam(), true); });
}

INSTANTIATE_TEST_SUITE_P(Shapes, FusedNorm,
                         ::testing::Values(Case{2, 1, std::nullopt, 0}, Case{37, 24, Activation::swish, 0},
                                           Case{1300, 40, Activation::relu6, 0}, Case{700, 200, Activation::swish, 3},
                                           Case{1025, 17, std::nullopt, -2}, Case{600, 8, std::nullopt, 1000}));

TEST(FusedNorm, RefusesASingleRowAndOtherChannels) {
  BatchNorm norm = BatchNorm::identity(3, 1e-3, 0.1);
  Tape tape;
  const Pass pass{.mode = Mode::train, .tape = &tape};
  EXPECT_THROW(fused_norm(norm, tape.input(Tensor::zeros({1, 3})), std::nullopt, pass), ShapeError);
  EXPECT_THROW(fused_norm(norm, tape.input(Tensor::zeros({4, 2})), std::nullopt, pass), ShapeError);
}

TEST(FusedNorm, OfAConstantChannelIsBeta) {
  BatchNorm norm = BatchNorm::identity(2, 1e-3, 0.1);
  norm.beta.value = Tensor::full({2}, 0.25f);
  Tape tape;
  const Variable y =
      fused_norm(norm, tape.input(Tensor::full({50, 2}, 1e4f)), std::nullopt, {.mode = Mode::train, .tape = &tape});
  for (const float v : y.tensor().host()) EXPECT_EQ(v, 0.25f);
}

}  // namespace
}  // namespace vitrine::testing
