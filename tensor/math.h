// Elementary functions in double: ours, from fma and exact operations only, so every machine, C library and GPU agrees.
//
// Each is within 2 ulp of the true value (tests/tensor/math_test.cpp compares with long double).
#pragma once

namespace vitrine {

double exp_portable(double x);
double log_portable(double x);  // x > 0; -inf at 0, NaN below
double sin_portable(double x);  // |x| <= 1e5
double cos_portable(double x);  // |x| <= 1e5

}  // namespace vitrine
