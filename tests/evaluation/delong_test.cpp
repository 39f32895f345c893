// DeLong's test by hand, and what it says where nothing differs. Against a count of all pairs: golden_test.cpp.
#include "evaluation/delong.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluation/metrics.h"
#include "evaluation/normal.h"
#include "tensor/philox.h"

namespace vitrine::testing {
namespace {

TEST(Normal, TwoSidedPIsErfc) {
  double worst = 0;
  for (double z = 0; z <= 37; z += 1.0 / 64) {
    const long double wanted = std::erfc(static_cast<long double>(z) / std::sqrt(2.0L));
    worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(two_sided_p(-z)) / wanted - 1)));
  }
  EXPECT_LT(worst, 1e-12);
  EXPECT_EQ(two_sided_p(0), 1);
  EXPECT_NEAR(two_sided_p(kNormal975), 0.05, 1e-15);
  EXPECT_EQ(two_sided_p(100), 0);
  EXPECT_TRUE(std::isnan(two_sided_p(std::nan(""))));
}

// Positive 3, 1; negative 2, 0. Of four pairs three are in order: AUC 3/4. V10 = (1, 1/2), V01 = (1/2, 1): sample variances 1/8 each, over 2 and 2.
TEST(DeLong, WorkedByHand) {
  const std::vector<int> is_positive{1, 1, 0, 0};
  const std::vector<double> a{3, 1, 2, 0}, b{3, 2, 1, 0};
  const AucVariance v = delong_variance(is_positive, a);
  EXPECT_DOUBLE_EQ(*v.auc.value, 0.75);
  EXPECT_DOUBLE_EQ(*v.variance.value, 0.125);
  EXPECT_DOUBLE_EQ(*v.low.value, 0.75 - kNormal975 * std::sqrt(0.125));
  EXPECT_EQ(v.high.value, 1.0) << "an AUC is at most 1";
  // b is perfectly ordered: its placements are all 1, its variance and the covariance 0.
  const AucDifference d = delong_test(is_positive, a, b);
  EXPECT_DOUBLE_EQ(*d.difference.value, -0.25);
  EXPECT_DOUBLE_EQ(*d.covariance.value, 0);
  EXPECT_DOUBLE_EQ(*d.standard_error.value, std::sqrt(0.125));
  EXPECT_DOUBLE_EQ(*d.z.value, -0.25 / std::sqrt(0.125));
  EXPECT_NEAR(*d.p.value, std::erfc(0.5), 1e-13);  // |z| = 1 / sqrt(2)
}

TEST(DeLong, WhereThereIsNothingToTestItSaysWhy) {
  const std::vector<int> is_positive{1, 1, 0, 0};
  const std::vector<double> a{3, 1, 2, 0}, scaled{30, 10, 20, 0}, b{3, 2, 1, 0};
  const AucDifference same = delong_test(is_positive, a, scaled);
  EXPECT_EQ(same.difference.value, 0.0);
  EXPECT_EQ(same.standard_error.value, 0.0);
  EXPECT_EQ(same.p.why, "the standard error of the difference is 0");
  const AucVariance perfect = delong_variance(is_positive, b);
  EXPECT_EQ(perfect.variance.value, 0.0);
  EXPECT_EQ(perfect.low.why, "the variance is 0, which says nothing of other units");
  const std::vector<int> one{1, 0, 0, 0}, none{0, 0, 0, 0};
  EXPECT_EQ(delong_variance(one, a).variance.why, "a class has 1 unit, two are needed");
  EXPECT_TRUE(delong_variance(one, a).auc.value.has_value());
  EXPECT_EQ(delong_test(one, a, b).p.why, "a class has 1 unit, two are needed");
  EXPECT_EQ(delong_test(none, a, b).difference.why, "only one class is present");
  EXPECT_EQ(delong_variance({}, {}).auc.why, "there is no unit");
}

TEST(DeLong, ADifferenceTurnsItsSign) {
  std::vector<int> is_positive;
  std::vector<double> a, b;
  for (std::uint32_t i = 0; i < 60; ++i) {
    is_positive.push_back(i % 3 == 0 ? 1 : 0);
    a.push_back(Draw{.seed = 1}.normal(i) + is_positive.back());
    b.push_back(a.back() + Draw{.seed = 2}.normal(i));
  }
  const AucDifference ab = delong_test(is_positive, a, b), ba = delong_test(is_positive, b, a);
  EXPECT_EQ(*ab.z.value, -*ba.z.value);
  EXPECT_EQ(ab.p.value, ba.p.value);
  EXPECT_NEAR(*ab.auc_a.value, *roc_auc(is_positive, a), 1e-15);
}

// Two scores that know equally much, with noise of their own: p below 0.05 in one of twenty cohorts, and the true AUC 0.8 in 95 % of intervals.
TEST(DeLong, HoldsWhatItPromises) {
  constexpr int kCohorts = 1000;
  int rejected = 0, covered = 0;
  for (std::uint32_t cohort = 0; cohort < kCohorts; ++cohort) {
    std::vector<int> is_positive;
    std::vector<double> a, b;
    for (std::uint32_t i = 0; i < 100; ++i) {
      const Draw draw{.seed = 41, .epoch = cohort, .sample = i};
      is_positive.push_back(i % 2 == 0 ? 1 : 0);
      const double shared = 1.1902 * is_positive.back() + std::sqrt(0.5) * draw.normal(0);
      a.push_back(shared + std::sqrt(0.5) * draw.normal(1));
      b.push_back(shared + std::sqrt(0.5) * draw.normal(2));
    }
    rejected += *delong_test(is_positive, a, b).p.value < 0.05 ? 1 : 0;
    const AucVariance v = delong_variance(is_positive, a);
    covered += *v.low.value <= 0.8 && 0.8 <= *v.high.value ? 1 : 0;
  }
  EXPECT_NEAR(rejected, 50, 4 * std::sqrt(1000 * 0.05 * 0.95));
  EXPECT_NEAR(covered, 950, 4 * std::sqrt(1000 * 0.05 * 0.95));
}

}  // namespace
}  // namespace vitrine::testing
