// `vitrine audit stability`: the noise, the bits that are counted, and a network's.
#include "audit/stability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "autograd/changed_outputs.h"
#include "base/error.h"
#include "data/batch.h"
#include "layers/add.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tests/everywhere.h"

namespace vitrine::testing {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

TEST(Stability, TheNoiseIsOneUnitInTheLastPlaceInEitherDirection) {
  const Tensor x = Tensor::full({30000}, -1.5f);
  const Tensor y = with_last_place_noise(x, {}, 1, 0, 0);
  std::array<int, 3> counts{};
  for (const float v : y.host()) {
    const float steps = (v + 1.5f) / 0x1p-23f;
    ASSERT_TRUE(steps == -1 || steps == 0 || steps == 1) << v;
    ++counts[static_cast<std::size_t>(steps + 1)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);  // five standard deviations
}

TEST(Stability, ZerosAndWhatIsNotFiniteStay) {
  const float infinite = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  const std::vector<float> values{0.0f, -0.0f, infinite, -infinite, most, std::numeric_limits<float>::quiet_NaN()};
  const Tensor x = Tensor::from({6}, values);
  for (std::uint32_t draw = 1; draw < 50; ++draw) EXPECT_TRUE(same_bits(with_last_place_noise(x, {}, draw, 0, 0), x));
}

TEST(Stability, TheNoiseIsAFunctionOfItsCoordinates) {
  Tensor x = Tensor::uninitialized({4099});
  for (std::size_t i = 0; i < 4099; ++i) x.mutable_host()[i] = static_cast<float>(i) + 0.5f;
  const StabilityOptions options;
  const Tensor once = with_last_place_noise(x, options, 3, 2, 7);
  everywhere({1, 2, 5}, [&](const std::string& where) {
    EXPECT_TRUE(same_bits(with_last_place_noise(x, options, 3, 2, 7), once)) << where;
  });
  EXPECT_FALSE(same_bits(with_last_place_noise(x, options, 4, 2, 7), once));
  EXPECT_FALSE(same_bits(with_last_place_noise(x, options, 3, 1, 7), once));
  EXPECT_FALSE(same_bits(with_last_place_noise(x, options, 3, 2, 8), once));
  EXPECT_FALSE(same_bits(with_last_place_noise(x, {.draws = 10, .seed = 2}, 3, 2, 7), once));
}

TEST(Stability, BitsAreThoseOfTheFormula) {
  const double e = 0x1p-10;
  const std::vector<double> draws{1 - e, 1 + e, 1 - e, 1 + e};  // deviation e sqrt(4 / 3)
  const SpreadOfDraws s = spread_of(1, draws);
  EXPECT_DOUBLE_EQ(s.mean, 1);
  EXPECT_NEAR(s.bits, 10 - 0.5 * std::log2(4.0 / 3), 1e-12);
  EXPECT_NEAR(s.sure_bits, s.bits - bits_for_confidence(4), 1e-12);
  EXPECT_EQ(spread_of(3, std::vector<double>{3, 3, 3}).bits, 24);
  EXPECT_EQ(spread_of(0, std::vector<double>{-1, 1}).bits, 0);
  EXPECT_EQ(spread_of(0, std::vector<double>{1, -1.5}).sure_bits, 0);
}

// chi2 quantiles of 2.5 %: 9 degrees 2.70039, 29 degrees 16.04707 (tables); 1.4 bits for 30 draws is the figure of Sohier et al., sec. 4.2.
TEST(Stability, BitsForConfidenceAreThoseOfTheTables) {
  EXPECT_NEAR(bits_for_confidence(10), 0.5 * std::log2(9 / 2.700389) + std::log2(1.959964), 1e-6);
  EXPECT_NEAR(bits_for_confidence(30), 0.5 * std::log2(29 / 16.047072) + std::log2(1.959964), 1e-6);
  EXPECT_NEAR(bits_for_confidence(30), 1.4, 0.01);
  EXPECT_THROW(bits_for_confidence(1), InternalError);
}

TEST(Stability, AnotherOutputIsReadByTheOpsThatFollowAndNoOtherObserverChangesOne) {
  const auto sum = [](TapeObserver* observer) {
    Tape tape;
    tape.observe(observer);
    const Variable x = tape.input(Tensor::full({2}, 1));
    return add(add(x, x), x).tensor().host()[0];
  };
  EXPECT_EQ(sum(nullptr), 3);
  TapeObserver watching;
  EXPECT_EQ(sum(&watching), 3);
  int ops = 0;
  ChangedOutputs ten([&](const TapeEntry& op, const Tensor& y) {
    EXPECT_EQ(op.name(), "add");
    return ops++ == 0 ? Tensor::full({2}, 10) : y;
  });
  EXPECT_EQ(sum(&ten), 11);
  EXPECT_EQ(ops, 2) << "leaves are not changed";
  ChangedOutputs other([](const TapeEntry&, const Tensor&) { return Tensor::full({3}, 1); });
  EXPECT_THROW(sum(&other), InternalError);
}

class StabilityOfNetwork : public ::testing::Test {
 protected:
  StabilityOfNetwork() : net(architecture("b0"), Semantics{}, 3), image(Tensor::uninitialized({64, 64, 3})) {
    net.initialize(3);
    const Draw draw{.seed = 9, .purpose = Purpose::init, .op = 1};
    const auto values = image.mutable_host();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = draw.uniform_float(static_cast<std::uint32_t>(i));
    // Logits of some size, as a trained network has them: those of drawn weights are so small that probabilities do not feel their noise.
    const Tensor logits = said();
    float largest = 0;
    for (const float v : logits.host()) largest = std::max(largest, std::abs(v));
    for (Tensor* t : {&net.classifier_weight.value, &net.classifier_bias.value}) {
      for (float& v : t->mutable_host()) v *= 2 / largest;
    }
  }
  Tensor said() { return net.forward(stack_images({&image}, input_normalisation(net.semantics)), {}).tensor(); }
  EfficientNet net;
  Tensor image;
};

TEST_F(StabilityOfNetwork, PredictionsKeepMostOfTheirBits) {
  const ImageStability s = stability_of(net, image, 0, {});
  ASSERT_EQ(s.logits.size(), 3u);
  const Tensor logits = said();
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(s.logits[c].without_noise, static_cast<double>(logits.host()[c])) << "without noise, what the network says";
    EXPECT_GT(s.logits[c].deviation, 0);
    EXPECT_LT(std::abs(s.logits[c].mean - s.logits[c].without_noise), 10 * s.logits[c].deviation);
    EXPECT_GT(s.probabilities[c].bits, 10);
    EXPECT_LT(s.probabilities[c].bits, 24);
    EXPECT_LT(s.probabilities[c].sure_bits, s.probabilities[c].bits);
  }
  EXPECT_EQ(s.flips, 0);
}

TEST_F(StabilityOfNetwork, IsTheSameOnAnyNumberOfThreadsAndInstructionSets) {
  const ImageStability once = stability_of(net, image, 4, {.draws = 3, .seed = 1});
  everywhere({1, 3}, [&](const std::string& where) {
    const ImageStability again = stability_of(net, image, 4, {.draws = 3, .seed = 1});
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(again.logits[c].deviation, once.logits[c].deviation) << where;
  });
  EXPECT_NE(stability_of(net, image, 4, {.draws = 3, .seed = 2}).logits[0].deviation, once.logits[0].deviation);
}

// Two classes with the same weights have the same logit; noise decides which is the larger.
TEST_F(StabilityOfNetwork, ATieFlips) {
  const std::int64_t features = net.features();
  for (std::int64_t f = 0; f < features; ++f) {
    const auto w = net.classifier_weight.value.mutable_host();
    w[static_cast<std::size_t>(3 * f + 1)] = w[static_cast<std::size_t>(3 * f)];
    w[static_cast<std::size_t>(3 * f + 2)] = 0;
  }
  net.classifier_bias.value.mutable_host()[2] = -1000;
  const ImageStability s = stability_of(net, image, 0, {.draws = 20, .seed = 1});
  EXPECT_GT(s.flips, 0);
  EXPECT_LT(s.flips, 20);
}

TEST_F(StabilityOfNetwork, LogitsThatAreNotFiniteAreRefused) {
  net.classifier_bias.value.mutable_host()[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(stability_of(net, image, 0, {}), NumericalError);
}

}  // namespace
}  // namespace vitrine::testing
