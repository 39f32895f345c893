// exp and sigmoid of tensor/simd_math.h, through the ops that use them: swish and sigmoid.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "layers/sigmoid.h"
#include "layers/unary.h"
#include "tensor/isa.h"

namespace vitrine::testing {
namespace {

constexpr std::size_t kBlock = 1 << 20;

double ulps(float got, double truth) {
  const float nearest = static_cast<float>(truth);
  const float unit = std::nextafter(std::abs(nearest), std::numeric_limits<float>::infinity()) - std::abs(nearest);
  return std::abs(static_cast<double>(got) - truth) / static_cast<double>(unit);
}

struct Worst {  // above -17, where sigmoid is 4e-8 and more, and below
  double sigmoid = 0, swish = 0, sigmoid_below = 0, swish_below = 0;
  bool none = true;  // 0 below -88.72
};

// Every `step`-th float, finite ones only.
Worst sweep(std::uint64_t step) {
  Worst worst;
  std::vector<float> x, s(kBlock), y(kBlock);
  const auto flush = [&] {
    kernels::sigmoid_kernels().forward(x.data(), static_cast<std::int64_t>(x.size()), s.data());
    kernels::unary_kernels().forward(Unary::swish, x.data(), static_cast<std::int64_t>(x.size()), y.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = static_cast<double>(x[i]);
      // 1 / (1 + exp(-v)) loses nothing in double for v > -700; below, both results are zero in float.
      const double truth = 1 / (1 + std::exp(-v));
      if (x[i] <= -128 * 0x1.62e43p-1f) {  // truth < 3e-39
        worst.none = worst.none && s[i] == 0 && y[i] == 0;
        continue;
      }
      double& sigmoid = v > -17 ? worst.sigmoid : worst.sigmoid_below;
      double& swish = v > -17 ? worst.swish : worst.swish_below;
      sigmoid = std::max(sigmoid, ulps(s[i], truth));
      swish = std::max(swish, ulps(y[i], v * truth));
    }
    x.clear();
  };
  for (std::uint64_t pattern = 0; pattern < (std::uint64_t{1} << 32); pattern += step) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(pattern));
    if (!std::isfinite(value)) continue;
    x.push_back(value);
    if (x.size() == kBlock) flush();
  }
  flush();
  return worst;
}

void check(std::uint64_t step) {
  const Worst worst = sweep(step);
  std::printf("largest error in ulp above -17: sigmoid %.2f, swish %.2f; below: %.2f, %.2f\n", worst.sigmoid, worst.swish,
              worst.sigmoid_below, worst.swish_below);
  EXPECT_TRUE(worst.none);
  EXPECT_LE(worst.sigmoid, 5);
  EXPECT_LE(worst.swish, 5);
  EXPECT_LE(worst.sigmoid_below, 7);
  EXPECT_LE(worst.swish_below, 9);
}

TEST(SimdMath, EveryThousandthFloat) { check(997); }
TEST(SimdMathLong, EveryFloat) { check(1); }

TEST(SimdMath, Limits) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {0.0f, -0.0f, inf, -inf, nan, 200.0f, -200.0f, 1e-30f};
  std::vector<float> s(x.size());
  kernels::sigmoid_kernels().forward(x.data(), static_cast<std::int64_t>(x.size()), s.data());
  EXPECT_EQ(s[0], 0.5f);
  EXPECT_EQ(s[1], 0.5f);
  EXPECT_EQ(s[2], 1.0f);
  EXPECT_EQ(s[3], 0.0f);
  EXPECT_TRUE(std::isnan(s[4]));
  EXPECT_EQ(s[5], 1.0f);
  EXPECT_EQ(s[6], 0.0f);
  EXPECT_EQ(s[7], 0.5f);
}

}  // namespace
}  // namespace vitrine::testing
