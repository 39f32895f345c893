// exp, tanh, erf and erfc of tensor/elementary.h on one float, against double, over a dense grid of all floats; that vectors give the same bits is
// shown by the ops that use them (tests/layers).
#include "tensor/elementary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/cuda/one_float.h"

namespace vitrine {
namespace {

using One = Elementary<cuda::OneFloat>;

// In units of the last place of a float of the truth's size; below the smallest normal number in its units.
double ulps(float got, double truth) {
  if (std::isnan(truth)) return std::isnan(got) ? 0 : INFINITY;
  const double size = std::max(std::abs(truth), static_cast<double>(std::numeric_limits<float>::min()));
  return std::abs(static_cast<double>(got) - truth) / std::ldexp(1.0, std::ilogb(size) - 23);
}

double worst(float (*f)(float), double (*truth)(double), double low, double high) {
  double most = 0;
  for (std::uint64_t bits = 0; bits < 0x100000000u; bits += 1009) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!(static_cast<double>(x) >= low && static_cast<double>(x) <= high)) continue;
    most = std::max(most, ulps(f(x), truth(static_cast<double>(x))));
  }
  return most;
}

TEST(ElementaryFunctions, AreWithinTheirBounds) {
  const auto exp = worst([](float x) { return One::exp(x); }, std::exp, -103, 88.7);
  const auto tanh = worst([](float x) { return One::tanh(x); }, std::tanh, -1e30, 1e30);
  const auto erf = worst([](float x) { return One::erf(x); }, std::erf, -1e30, 1e30);
  const auto erfc = worst([](float x) { return One::erfc(x); }, std::erfc, -1e30, 9);
  std::printf("largest error in ulp: exp %.2f, tanh %.2f, erf %.2f, erfc %.2f\n", exp, tanh, erf, erfc);
  EXPECT_LE(exp, 2);
  EXPECT_LE(tanh, 2);
  EXPECT_LE(erf, 4);
  EXPECT_LE(erfc, 8);
}

TEST(ElementaryFunctions, KeepSignsInfinitiesAndNaN) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(One::tanh(inf), 1);
  EXPECT_EQ(One::tanh(-inf), -1);
  EXPECT_TRUE(std::signbit(One::tanh(-0.0f)));
  EXPECT_TRUE(std::signbit(One::erf(-0.0f)));
  EXPECT_EQ(One::erf(inf), 1);
  EXPECT_EQ(One::erf(-inf), -1);
  EXPECT_EQ(One::erfc(inf), 0);
  EXPECT_EQ(One::erfc(-inf), 2);
  EXPECT_EQ(One::exp(-inf), 0);
  for (float (*f)(float) :
       {+[](float x) { return One::exp(x); }, +[](float x) { return One::tanh(x); }, +[](float x) { return One::erf(x); },
        +[](float x) { return One::erfc(x); }, +[](float x) { return One::sigmoid(x); }})
    EXPECT_TRUE(std::isnan(f(nan)));
}

}  // namespace
}  // namespace vitrine
