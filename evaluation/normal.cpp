#include "evaluation/normal.h"

#include <cmath>

#include "tensor/math.h"

namespace vitrine {
namespace {

constexpr double kPi = 3.141592653589793;
constexpr double kSeriesEnd = 2.0;  // below it 1 - P(|Z| < z) loses less than two digits, above it the fraction converges fast
constexpr double kNothing = 38.0;

// P(|Z| < z) = 2 phi(z) (z + z^3/3 + z^5/(3 5) + ...), Abramowitz and Stegun 26.2.11.
double inside(double z) {
  double term = z, sum = z;
  for (int k = 1; term > sum * 0x1p-56; ++k) {
    term *= z * z / (2 * k + 1);
    sum += term;
  }
  return std::sqrt(2 / kPi) * exp_portable(-z * z / 2) * sum;
}

// P(|Z| >= z) = 2 phi(z) / (z + 1/(z + 2/(z + 3/(z + ...)))), Abramowitz and Stegun 26.2.14, from the inside out.
double outside(double z) {
  constexpr int kTerms = 200;
  double fraction = z;
  for (int k = kTerms; k >= 1; --k) fraction = z + k / fraction;
  return std::sqrt(2 / kPi) * exp_portable(-z * z / 2) / fraction;
}

}  // namespace

double two_sided_p(double z) {
  z = std::abs(z);
  if (std::isnan(z)) return z;
  if (z > kNothing) return 0;
  return z < kSeriesEnd ? 1 - inside(z) : outside(z);
}

}  // namespace vitrine
