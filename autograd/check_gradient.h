// check_gradient: compares the gradients of a tape with difference quotients of the same function.
//
// Compared   L = sum_i dy_i y_i, dy drawn normal (1 for an output of one element). One input x at a time is moved along a direction u, and
//            sum_j g_j u_j, g being the tape's gradient, is held against the derivative of L(x + t u) by t: central differences at steps
//            t, t/2, t/4, ..., extrapolated to 0
// Directions for each input: one of the signs of g with drawn lengths, in which nothing cancels, so that a wrong factor shows; `directions` drawn
//            normal ones; and `elements` drawn single elements, all of them where there are no more, so that a wrong place shows
// Bound      |difference| <= tolerance * scale + noise. scale is sum_j |g_j u_j| or the quotient if that is larger, for a single element with
//            the largest g of its input; noise is what 64 units in the last place of the largest output make of a quotient at that step, in the
//            outputs that moved and at least in one. A gradient of 1.01 times the right one is refused; right ones are at 1e-6 to 1e-4 of the scale
// Numerics   outputs are float32 and differences of them float64; L is never rounded. The first step changes L by about a tenth of its size and
//            an element by at most a quarter of the root mean square of its input (of 1 where that is 0)
// Requires   a function that gives the same bits whenever it is asked, smooth around the inputs: relu, relu6, hard_swish, max pooling have kinks,
//            and an input nearer to one than the steps are wide may be refused though its gradient is right
// Reference  Ridders 1982, doi 10.1016/S0141-1195(82)80057-0 (extrapolation, and which order to believe)
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/tape.h"

namespace vitrine {

struct GradientCheckOptions {
  std::uint64_t seed = 1;  // of all draws
  int directions = 2;
  int elements = 16;
  double tolerance = 1e-3;
};

// The comparison that is nearest to its bound or furthest beyond it, and the verdict on all.
struct GradientCheck {
  bool ok = false;
  double largest = 0;             // |difference| / (scale + noise / tolerance): at most `bound` where the gradient is right
  double bound = 0;               // the tolerance
  std::string where;              // "x[3]", "a direction of x"
  double tape = 0, quotient = 0;  // the derivative there, from both
  std::int64_t compared = 0;      // derivatives
  std::int64_t below_noise = 0;   // of them, those too small for float32 to show a wrong factor of 1.01: 0 for instance
  std::string reason;             // why there is no comparison: the function does not repeat its bits, or is not finite

  // One sentence: "gradients agree with 57 difference quotients: ..." or "gradients differ from ...".
  std::string text() const;
};

// f of float32 inputs, all of them differentiable; called some ten times for each comparison.
GradientCheck check_gradient(const std::function<Variable(std::span<const Variable>)>& f, std::span<const Tensor> inputs,
                             const GradientCheckOptions& options = {});

// The general form, for inputs that do not come as arguments (nn/modules/check_gradient.h).
struct CheckedFunction {
  std::vector<std::string> names;  // of the inputs, for messages
  std::vector<Tensor> inputs;
  std::function<Variable(Tape& tape, const std::vector<Tensor>& values)> output;  // f of these values, on the tape
  std::function<Tensor(const Gradients& gradients, std::size_t input)> gradient;  // after the last call of `output`
};
GradientCheck check_gradient(const CheckedFunction& f, const GradientCheckOptions& options = {});

}  // namespace vitrine
