#include "train/lr_find.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/train/small_fold.h"

namespace vitrine::testing {
namespace {

// 40 steps of rates 1, 2, 4, ...; the first four and the last five are not looked at.
LrCurve curve_of(const std::vector<double>& smoothed) {
  LrCurve c;
  c.steps = static_cast<int>(smoothed.size());
  for (std::size_t k = 0; k < smoothed.size(); ++k) c.lr.push_back(std::ldexp(1.0, static_cast<int>(k)));
  c.loss = c.smoothed = smoothed;
  return c;
}

// By hand: the loss is level, falls from step 10 to step 25, fastest from 18 to 19, and rises. The falling subsequence that ends at step 25
// has 16 values (step 10 to 25); fast.ai counts back from its end, 25 - 16 = 9, and goes half way: 9 + int(16/3) + int(16/6) = 9 + 5 + 2.
TEST(LrFind, SuggestionsByHand) {
  std::vector<double> loss(40, 1.0);
  for (int k = 11; k <= 25; ++k)
    loss[static_cast<std::size_t>(k)] = loss[static_cast<std::size_t>(k - 1)] - (k == 19 ? 0.2 : 0.02);
  for (int k = 26; k < 40; ++k) loss[static_cast<std::size_t>(k)] = loss[static_cast<std::size_t>(k - 1)] + 0.1;
  const LrSuggestions s = suggestions(curve_of(loss));
  EXPECT_EQ(s.valley, std::ldexp(1.0, 16));
  EXPECT_EQ(s.steep, std::ldexp(1.0, 18));
  EXPECT_EQ(s.minimum, std::ldexp(1.0, 25) / 10);
  EXPECT_FALSE(suggestions(curve_of({1, 1, 1})).valley);
}

// Rates are geometric, the smoothed loss is the mean with weights 0.98^age, and a step is the fold's own.
TEST(LrFind, TrainsACopyAtGrowingRates) {
  Progress quiet(true);
  TrainOptions options = small_options();
  const Dataset data = discs(12, 1);
  const LrCurve c = find_lr(data, options, {1e-6, 1e-2, 12}, quiet);
  ASSERT_EQ(c.lr.size(), 12u);
  double mean = 0;
  for (std::size_t k = 0; k < c.lr.size(); ++k) {
    EXPECT_NEAR(c.lr[k] / (1e-6 * std::pow(1e4, static_cast<double>(k) / 12)), 1, 1e-12);
    mean = 0.98 * mean + 0.02 * c.loss[k];
    EXPECT_NEAR(c.smoothed[k], mean / (1 - std::pow(0.98, static_cast<double>(k + 1))), 1e-12);
  }
  EXPECT_EQ(find_lr(data, options, {1e-6, 1e-2, 12}, quiet).loss, c.loss);
  const LrCurve broken = find_lr(data, options, {1e-2, 1e3, 30}, quiet);
  EXPECT_LT(broken.lr.size(), 30u);
  EXPECT_THROW(find_lr(data, options, {1e-2, 1e-3, 30}, quiet), UsageError);
  EXPECT_THROW(find_lr(data, options, {1e-6, 1, 9}, quiet), UsageError);
}

}  // namespace
}  // namespace vitrine::testing
