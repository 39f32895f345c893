// The standard normal distribution, from portable elementary functions: the same bits on every machine.
#pragma once

namespace vitrine {

inline constexpr double kNormal975 =
    1.959963984540054;  // the quantile at 0.975: half the width of a 95 % interval in standard errors

// P(|Z| >= |z|); relative error below 1e-12 (tests/evaluation/delong_test.cpp compares with erfcl), 0 beyond |z| = 38. NaN for NaN.
double two_sided_p(double z);

}  // namespace vitrine
