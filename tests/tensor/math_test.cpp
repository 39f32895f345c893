#include "tensor/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tensor/philox.h"

namespace vitrine::testing {
namespace {

// Distance from the true value in units of the last place of the double nearest to it.
double ulps(double got, long double truth) {
  const double nearest = static_cast<double>(truth);
  const double unit = std::nextafter(std::abs(nearest), std::numeric_limits<double>::infinity()) - std::abs(nearest);
  return static_cast<double>(std::abs(static_cast<long double>(got) - truth) / static_cast<long double>(unit));
}

TEST(Math, WithinTwoUlpOfTheTrueValue) {
  const Draw draw{.seed = 11};
  double worst_exp = 0, worst_log = 0, worst_sin = 0, worst_cos = 0;
  for (std::uint32_t i = 0; i < 200000; ++i) {
    const double x = draw.uniform(i, -700, 700);
    worst_exp = std::max(worst_exp, ulps(exp_portable(x), std::exp(static_cast<long double>(x))));
    const double y = std::exp(draw.uniform(i, -600, 600));
    worst_log = std::max(worst_log, ulps(log_portable(y), std::log(static_cast<long double>(y))));
    const double near_one = 1 + draw.uniform(i, -0.3, 0.4);
    worst_log = std::max(worst_log, ulps(log_portable(near_one), std::log(static_cast<long double>(near_one))));
    const double angle = draw.uniform(i, -20, 20);
    // Near a zero of sin and cos only the absolute error is small: pi/2 is held to 100 bits, which leaves 1e-28 there.
    worst_sin = std::max(worst_sin, ulps(sin_portable(angle), std::sin(static_cast<long double>(angle))));
    worst_cos = std::max(worst_cos, ulps(cos_portable(angle), std::cos(static_cast<long double>(angle))));
  }
  EXPECT_LE(worst_exp, 2);
  EXPECT_LE(worst_log, 2);
  EXPECT_LE(worst_sin, 2);
  EXPECT_LE(worst_cos, 2);
  std::printf("largest error in ulp: exp %.2f, log %.2f, sin %.2f, cos %.2f\n", worst_exp, worst_log, worst_sin, worst_cos);
}

TEST(Math, Limits) {
  EXPECT_EQ(exp_portable(0), 1);
  EXPECT_EQ(exp_portable(800), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exp_portable(-800), 0);
  EXPECT_TRUE(std::isnan(exp_portable(std::nan(""))));
  EXPECT_EQ(exp_portable(-740), std::exp(-740.0));  // below the smallest normal number
  EXPECT_EQ(log_portable(1), 0);
  EXPECT_EQ(log_portable(0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(log_portable(-1)));
  EXPECT_EQ(sin_portable(0), 0);
  EXPECT_EQ(cos_portable(0), 1);
}

TEST(PhiloxSmoke, PublishedVectors) {  // Random123 1.09, kat_vectors: philox4x32 10
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draws, HaveTheMomentsOfTheirDistributions) {
  const Draw draw{.seed = 5, .op = 2};
  const int n = 100000;
  double u = 0, normal = 0, square = 0, gamma = 0, beta = 0, beta_square = 0;
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<std::uint32_t>(i);
    u += draw.uniform(k);
    const double z = draw.normal(k);
    normal += z;
    square += z * z;
  }
  for (int i = 0; i < n / 10; ++i) {
    const auto k = static_cast<std::uint32_t>(i);
    gamma += draw.gamma(k, 2.5);
    const double b = draw.beta(k, 0.4, 0.4);
    ASSERT_GE(b, 0);
    ASSERT_LE(b, 1);
    beta += b;
    beta_square += b * b;
  }
  // Five standard errors each.
  EXPECT_NEAR(u / n, 0.5, 5 * 0.2887 / std::sqrt(n));
  EXPECT_NEAR(normal / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(square / n, 1, 5 * 1.4142 / std::sqrt(n));
  EXPECT_NEAR(gamma / (n / 10), 2.5, 5 * 1.5811 / std::sqrt(n / 10));
  EXPECT_NEAR(beta / (n / 10), 0.5, 5 * 0.3727 / std::sqrt(n / 10));
  EXPECT_NEAR(beta_square / (n / 10) - 0.25, 0.13889, 0.006);  // variance 1 / (4 (2 a + 1)), a = 0.4
}

TEST(Draws, AreFunctionsOfTheirCoordinates) {
  const Draw a{.seed = 1, .purpose = Purpose::flip, .epoch = 2, .sample = 3, .op = 4};
  Draw b = a;
  EXPECT_EQ(a.bits(7), b.bits(7));
  for (auto change : {+[](Draw& d) { d.seed = 2; }, +[](Draw& d) { d.purpose = Purpose::zoom; }, +[](Draw& d) { d.epoch = 3; },
                      +[](Draw& d) { d.sample = 4; }, +[](Draw& d) { d.op = 5; }}) {
    b = a;
    change(b);
    EXPECT_NE(a.bits(7), b.bits(7));
  }
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_LT(a.below(i, 7), 7u);
}

}  // namespace
}  // namespace vitrine::testing
