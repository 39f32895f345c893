#include "imaging/steps/descent.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vitrine::imaging {
namespace {

using Matrix6 = std::array<Vector6, 6>;

double dot(const Vector6& a, const Vector6& b) {
  double sum = 0;
  for (std::size_t i = 0; i < 6; ++i) sum += a[i] * b[i];
  return sum;
}

Vector6 added(const Vector6& a, double scale, const Vector6& b) {
  Vector6 out;
  for (std::size_t i = 0; i < 6; ++i) out[i] = a[i] + scale * b[i];
  return out;
}

Matrix6 diagonal(double value) {
  Matrix6 m{};
  for (std::size_t i = 0; i < 6; ++i) m[i][i] = value;
  return m;
}

// The inverse Hessian after a step s over which the gradient changed by y: (I - s y' / s'y) H (I - y s' / s'y) + s s' / s'y.
void update(Matrix6& h, const Vector6& s, const Vector6& y) {
  const double sy = dot(s, y);
  Vector6 hy{};
  for (std::size_t i = 0; i < 6; ++i) hy[i] = dot(h[i], y);
  const double scale = (1 + dot(y, hy) / sy) / sy;
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j) h[i][j] += scale * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
  }
}

}  // namespace

Minimum descend(const Differentiable& function, const Vector6& start, const DescentOptions& options) {
  constexpr double kSufficient = 1e-4;  // share of the decrease that the slope promises (Armijo)
  constexpr int kMostHalvings = 12;
  Minimum m;
  m.at = start;
  Vector6 gradient{};
  m.value = function(m.at, gradient);
  m.evaluations = 1;
  Matrix6 inverse_hessian{};
  bool is_fresh = true;  // no curvature is known: the step has its set length, along the slope
  while (m.iterations < options.max_iterations) {
    const double slope_length = std::sqrt(dot(gradient, gradient));
    if (!(slope_length > 0)) return m.stop = "the gradient is 0", m;
    if (is_fresh) inverse_hessian = diagonal(options.first_step / slope_length);
    Vector6 direction{};
    for (std::size_t i = 0; i < 6; ++i) direction[i] = -dot(inverse_hessian[i], gradient);
    double span = std::sqrt(dot(direction, direction));
    if (span > options.longest_step) {
      for (double& d : direction) d *= options.longest_step / span;
      span = options.longest_step;
    }
    const double slope = dot(direction, gradient);
    double share = 1;
    Vector6 next{}, next_gradient{};
    double value = m.value;
    bool is_lower = false;
    for (int halving = 0; slope < 0 && halving < kMostHalvings && span * share > options.tolerance / 4; ++halving) {
      next = added(m.at, share, direction);
      value = function(next, next_gradient);
      ++m.evaluations;
      is_lower = value <= m.value + kSufficient * share * slope;
      if (is_lower) break;
      // The minimum of the parabola through both values and the slope, kept within a tenth and a half.
      const double curved = value - m.value - share * slope;
      share = std::clamp(curved > 0 ? -slope * share * share / (2 * curved) : share / 2, share / 10, share / 2);
    }
    if (!is_lower) {
      if (is_fresh) return m.stop = text("no lower value within ", options.first_step, " mm along the slope"), m;
      is_fresh = true;
      if (span <= options.tolerance) return m.stop = text("the next step was below ", options.tolerance, " mm"), m;
      continue;
    }
    const Vector6 step = added(next, -1, m.at), change = added(next_gradient, -1, gradient);
    if (dot(step, change) > 1e-10 * std::sqrt(dot(step, step) * dot(change, change))) {
      if (is_fresh) inverse_hessian = diagonal(dot(step, change) / dot(change, change));
      update(inverse_hessian, step, change);
      is_fresh = false;
    }
    m.at = next;
    m.value = value;
    gradient = next_gradient;
    ++m.iterations;
    if (std::sqrt(dot(step, step)) < options.tolerance) return m.stop = text("a step was below ", options.tolerance, " mm"), m;
  }
  m.stop = text("after ", options.max_iterations, " steps");
  return m;
}

}  // namespace vitrine::imaging
