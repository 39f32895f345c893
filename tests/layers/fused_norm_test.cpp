// The fused norm against batch_norm and the activation's op; the same bits for all threads and sets; large means cost no digits.
#include "layers/fused_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "layers/relu6.h"
#include "layers/swish.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::testing {
namespace {

Tensor drawn(const Shape& shape, double mean, double deviation, std::uint32_t op) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 6, .purpose = Purpose::init, .op = op};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(mean + deviation * draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

struct Case {
  std::int64_t rows, C;
  std::optional<Activation> activation;
  double mean;
};

// y, dx, dgamma, dbeta, running mean, running variance
std::vector<Tensor> run(const Case& c, bool fused) {
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
  return {y.tensor(), g.of(x), g.of(norm.gamma), g.of(norm.beta), norm.running_mean, norm.running_var};
}

class FusedNorm : public ::testing::TestWithParam<Case> {};

TEST_P(FusedNorm, AgreesWithTheComposedOps) {
  const std::vector<Tensor> fused = run(GetParam(), true), composed = run(GetParam(), false);
  for (std::size_t t = 0; t < fused.size(); ++t) {
    float largest = 0;
    for (const float v : composed[t].host()) largest = std::max(largest, std::abs(v));
    // Only the statistics round differently, in float64: a unit or two in the last place of what follows from them.
    for (std::size_t i = 0; i < composed[t].host().size(); ++i)
      ASSERT_NEAR(fused[t].host()[i], composed[t].host()[i], 5e-7f * largest) << t << " " << i;
  }
}

TEST_P(FusedNorm, HasTheSameBitsForAnyThreadsAndInstructionSet) {
  const int threads = thread_count();
  const Isa isa = active_isa();
  set_thread_count(1);
  const std::vector<Tensor> expected = run(GetParam(), true);
  const auto expect_same = [&](const std::string& where) {
    const std::vector<Tensor> got = run(GetParam(), true);
    for (std::size_t t = 0; t < got.size(); ++t) {
      for (std::size_t i = 0; i < got[t].host().size(); ++i)
        ASSERT_EQ(got[t].host()[i], expected[t].host()[i]) << t << " " << i << " " << where;
    }
  };
  for (const int n : {2, 3, 7}) {
    set_thread_count(n);
    expect_same(std::to_string(n) + " threads");
  }
  for (const Isa other : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(other)) continue;
    set_active_isa(other);
    expect_same(std::string(isa_name(other)));
  }
  set_active_isa(isa);
  set_thread_count(threads);
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
