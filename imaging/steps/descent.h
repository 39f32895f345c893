// Two minimisers for a handful of parameters, each in millimetres (or scaled to them), so that where to stop is said in millimetres.
//
// descend    quasi-Newton with the BFGS update and a backtracking line search (Nocedal and Wright 2006, chapters 3 and 6)
// powell     direction sets, by values only (Powell 1964, doi 10.1093/comjnl/7.2.155), with Brent's line search (Brent 1973, chapter 5)
#pragma once

#include <array>
#include <functional>
#include <string>

namespace vitrine::imaging {

using Vector6 = std::array<double, 6>;

struct Minimum {
  Vector6 at{};
  double value = 0;
  int iterations = 0;   // of descend: steps that were taken; of powell: sweeps over the directions
  int evaluations = 0;  // of the function
  std::string stop;     // why it ended, in words
};

struct DescentOptions {
  double first_step = 1;    // mm: the length of the first step
  double longest_step = 5;  // mm: no step is longer
  double tolerance = 0.01;  // mm: it ends when a step is shorter
  int max_iterations = 50;
};

// Fills the gradient and gives the value.
using Differentiable = std::function<double(const Vector6&, Vector6&)>;
Minimum descend(const Differentiable& function, const Vector6& start, const DescentOptions& options);

struct PowellOptions {
  Vector6 tolerance{};            // a parameter is known well enough to this; directions start 20 times as long
  double value_tolerance = 1e-6;  // relative change of the value in a sweep at which it ends
  int max_sweeps = 512;
};

using Function6 = std::function<double(const Vector6&)>;
Minimum powell(const Function6& function, const Vector6& start, const PowellOptions& options);

}  // namespace vitrine::imaging
