// Dual numbers a + b e with e^2 = 0: evaluating a function on them gives its exact directional derivative beside its value.
#pragma once

#include <cmath>

namespace vitrine::testing {

struct Dual {
  double value = 0;
  double slope = 0;

  Dual() = default;
  Dual(double v) : value(v) {}  // NOLINT: a number is a constant
  Dual(double v, double s) : value(v), slope(s) {}

  Dual operator-() const { return {-value, -slope}; }
  Dual& operator+=(const Dual& b) { return *this = {value + b.value, slope + b.slope}; }
  Dual& operator-=(const Dual& b) { return *this = {value - b.value, slope - b.slope}; }
  Dual& operator*=(const Dual& b) { return *this = {value * b.value, slope * b.value + value * b.slope}; }
  Dual& operator/=(const Dual& b) {
    const double q = value / b.value;
    return *this = {q, (slope - q * b.slope) / b.value};
  }
  friend Dual operator+(Dual a, const Dual& b) { return a += b; }
  friend Dual operator-(Dual a, const Dual& b) { return a -= b; }
  friend Dual operator*(Dual a, const Dual& b) { return a *= b; }
  friend Dual operator/(Dual a, const Dual& b) { return a /= b; }
  friend bool operator<(const Dual& a, const Dual& b) { return a.value < b.value; }
  friend bool operator>(const Dual& a, const Dual& b) { return a.value > b.value; }
  friend bool operator<=(const Dual& a, const Dual& b) { return a.value <= b.value; }
  friend bool operator>=(const Dual& a, const Dual& b) { return a.value >= b.value; }
};

inline Dual exp(const Dual& a) { return {std::exp(a.value), std::exp(a.value) * a.slope}; }
inline Dual log(const Dual& a) { return {std::log(a.value), a.slope / a.value}; }
inline Dual tanh(const Dual& a) {
  const double y = std::tanh(a.value);
  return {y, (1 - y * y) * a.slope};
}
inline Dual erf(const Dual& a) { return {std::erf(a.value), 2 / std::sqrt(M_PI) * std::exp(-a.value * a.value) * a.slope}; }
inline Dual sqrt(const Dual& a) {
  const double root = std::sqrt(a.value);
  return {root, a.slope / (2 * root)};
}
inline Dual fma(const Dual& a, const Dual& b, const Dual& c) { return a * b + c; }

}  // namespace vitrine::testing
