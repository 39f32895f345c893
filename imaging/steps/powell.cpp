// powell of imaging/steps/descent.h.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "imaging/steps/descent.h"

namespace vitrine::imaging {
namespace {

constexpr double kGolden = 1.618033988749895, kGoldenCut = 0.3819660112501051;

struct Point {
  double t = 0, value = 0;
};

using Line = std::function<double(double)>;

// Three points of which the middle one is lowest, walked to from 0 in steps that grow by the golden ratio.
std::array<Point, 3> bracket(const Line& f, double value_at_0) {
  constexpr int kMostSteps = 40;
  Point a{0, value_at_0}, b{1, f(1)};
  if (b.value > a.value) std::swap(a, b);
  Point c{b.t + kGolden * (b.t - a.t), 0};
  c.value = f(c.t);
  for (int step = 0; c.value < b.value && step < kMostSteps; ++step) {
    a = b;
    b = c;
    c.t = b.t + kGolden * (b.t - a.t);
    c.value = f(c.t);
  }
  return {a, b, c};
}

// Brent's minimum within a bracket: parabolas through the three lowest points, golden cuts where they would not converge.
Point brent(const Line& f, const std::array<Point, 3>& within, double tolerance) {
  constexpr int kMostSteps = 60;
  double low = std::min(within[0].t, within[2].t), high = std::max(within[0].t, within[2].t);
  Point best = within[1], second = best, third = best;
  double step = 0, step_before = 0;
  for (int n = 0; n < kMostSteps; ++n) {
    const double middle = (low + high) / 2;
    if (std::fabs(best.t - middle) <= 2 * tolerance - (high - low) / 2) break;
    bool is_parabola = false;
    if (std::fabs(step_before) > tolerance) {
      const double r = (best.t - second.t) * (best.value - third.value), q0 = (best.t - third.t) * (best.value - second.value);
      double p = (best.t - third.t) * q0 - (best.t - second.t) * r, q = 2 * (q0 - r);
      if (q > 0) p = -p;
      q = std::fabs(q);
      if (std::fabs(p) < std::fabs(q * step_before / 2) && p > q * (low - best.t) && p < q * (high - best.t)) {
        is_parabola = true;
        step_before = std::exchange(step, p / q);
        const double t = best.t + step;
        if (t - low < 2 * tolerance || high - t < 2 * tolerance) step = std::copysign(tolerance, middle - best.t);
      }
    }
    if (!is_parabola) {
      step_before = best.t >= middle ? low - best.t : high - best.t;
      step = kGoldenCut * step_before;
    }
    Point next{best.t + (std::fabs(step) >= tolerance ? step : std::copysign(tolerance, step)), 0};
    next.value = f(next.t);
    if (next.value <= best.value) {
      (next.t >= best.t ? low : high) = best.t;
      third = std::exchange(second, std::exchange(best, next));
    } else {
      (next.t < best.t ? low : high) = next.t;
      if (next.value <= second.value || second.t == best.t) {
        third = std::exchange(second, next);
      } else if (next.value <= third.value || third.t == best.t || third.t == second.t) {
        third = next;
      }
    }
  }
  return best;
}

Vector6 moved(const Vector6& at, double t, const Vector6& direction) {
  Vector6 out;
  for (std::size_t i = 0; i < 6; ++i) out[i] = at[i] + t * direction[i];
  return out;
}

double scaled_length(const Vector6& v, const Vector6& scale) {
  double sum = 0;
  for (std::size_t i = 0; i < 6; ++i) sum += v[i] / scale[i] * (v[i] / scale[i]);
  return std::sqrt(sum);
}

}  // namespace

Minimum powell(const Function6& function, const Vector6& start, const PowellOptions& options) {
  Minimum m;
  m.at = start;
  const auto counted = [&](const Vector6& x) {
    ++m.evaluations;
    return function(x);
  };
  m.value = counted(start);
  std::array<Vector6, 6> directions{};
  for (std::size_t i = 0; i < 6; ++i) directions[i][i] = 20 * options.tolerance[i];
  // Moves to the minimum along a direction, which becomes the step that was made.
  const auto search = [&](Vector6& direction) {
    const double span = scaled_length(direction, options.tolerance);
    if (!(span > 0)) return;
    const Line line = [&](double t) { return counted(moved(m.at, t, direction)); };
    const Point lowest = brent(line, bracket(line, m.value), 1 / span);
    if (!(lowest.value < m.value)) return;
    m.at = moved(m.at, lowest.t, direction);
    m.value = lowest.value;
  };
  while (m.iterations < options.max_sweeps) {
    const Vector6 before = m.at;
    const double value_before = m.value;
    std::size_t largest = 0;
    double most = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      const double value = m.value;
      search(directions[i]);
      if (value - m.value > most) most = value - m.value, largest = i;
    }
    ++m.iterations;
    const Vector6 move = moved(m.at, -1, before);
    if (scaled_length(move, options.tolerance) < 1) return m.stop = "a sweep moved by less than the tolerance", m;
    if (2 * std::fabs(value_before - m.value) <= options.value_tolerance * (std::fabs(value_before) + std::fabs(m.value)))
      return m.stop = text("a sweep changed the value by less than ", options.value_tolerance, " of it"), m;
    // Powell's test: is the way of the whole sweep worth a direction of its own, in place of the one that gave most?
    const double beyond = counted(moved(m.at, 1, move)), rest = value_before - m.value - most;
    if (beyond < value_before &&
        2 * (value_before - 2 * m.value + beyond) * rest * rest < most * (value_before - beyond) * (value_before - beyond)) {
      directions[largest] = directions[5];
      directions[5] = move;
      search(directions[5]);
    }
  }
  m.stop = text("after ", options.max_sweeps, " sweeps");
  return m;
}

}  // namespace vitrine::imaging
