// Shadows of the functions of one value: Numerics of layers/swish.h and the others of layers/unary_list.h.
#include "layers/unary_bound.h"

#include "base/error.h"
#include "layers/elementary_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

// A constant that is rounded to float32.
Bounded constant(double value) { return {value, kUnitRoundoff * std::abs(value)}; }

// The argument may lie on either side of a kink at `at`; exact arguments choose theirs.
bool straddles(Bounded u, double at) { return u.bound > 0 && std::abs(u.value - at) <= u.bound; }

Bounded jump(Bounded slope, Bounded u, double at, double height) {
  if (straddles(u, at)) slope.bound += height;
  return slope;
}

// Phi(u) = erfc(-u / sqrt 2) / 2; halving is exact but for the smallest numbers.
Bounded share_below(Bounded u) {
  const Bounded tail = erfc_bound(times(constant(-0.70710678118654752), u));
  return {0.5 * tail.value, 0.5 * tail.bound + kUnderflow};
}

Bounded density(Bounded u) {
  const Bounded half = times(exactly(-0.5), u);
  return times(constant(0.39894228040143268), exp_bound(times(half, u)));
}

Bounded swish_slope(Bounded u) {
  const Bounded s = sigmoid_bound(u);
  return times(s, fused(u, minus(exactly(1), s), exactly(1)));
}

// 1 - tanh^2 = 4 e / (1 + e)^2, e = exp(-2 |u|).
Bounded tanh_slope(Bounded u) {
  const Bounded e = exp_bound({-2 * std::abs(u.value), 2 * u.bound}), sum = plus(exactly(1), e);
  return over(product_of(exactly(4), e), times(sum, sum));
}

// Two lines and a parabola; the argument of neither is moved by more than its doubt.
Bounded hard_swish_value(Bounded u) {
  Bounded line = plus(u, exactly(3));
  if (!(line.value > 0)) line = {line.value <= 0 ? 0 : line.value, std::max(0.0, line.value + line.bound)};
  if (line.value >= 6) line = {6, std::max(0.0, 6 - (line.value - line.bound))};
  return over(times(u, line), exactly(6));
}

Bounded hard_swish_slope(Bounded u) {
  Bounded slope = over(fused(exactly(2), u, exactly(3)), exactly(6));
  if (u.value >= 3) slope = exactly(1);
  if (u.value <= -3) slope = exactly(0);
  for (const double kink : {-3.0, 3.0}) slope = jump(slope, u, kink, 0.5 + u.bound);
  return slope;
}

}  // namespace

Bounded unary_value_bound(Unary f, Bounded u) {
  const double x = u.value;
  switch (f) {
    case Unary::gelu: return times(u, share_below(u));
    case Unary::hard_swish: return hard_swish_value(u);
    case Unary::leaky_relu: {
      const Bounded y = x > 0 ? u : times(constant(0.01), u);
      return straddles(u, 0) ? Bounded{y.value, y.bound + u.bound} : y;
    }
    case Unary::relu: return {x <= 0 ? 0 : x, u.bound};
    case Unary::relu6: return {x <= 0 ? 0 : x >= 6 ? 6 : x, u.bound};
    case Unary::softplus:
      return within_ulps(
          {std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))), u.bound * std::min(1.0, std::exp(x + u.bound))}, 4);
    case Unary::swish: return times(u, sigmoid_bound(u));
    case Unary::tanh: return tanh_bound(u);
  }
  throw InternalError(
      text("unary: ", static_cast<int>(f), " has no shadow; write its value and slope in layers/unary_bound.cpp"));
}

Bounded unary_slope_bound(Unary f, Bounded u) {
  const double x = u.value;
  switch (f) {
    case Unary::gelu: return fused(u, density(u), share_below(u));
    case Unary::hard_swish: return hard_swish_slope(u);
    case Unary::leaky_relu: return jump(x > 0 ? exactly(1) : constant(0.01), u, 0, 1);
    case Unary::relu: return jump(exactly(x > 0 ? 1 : 0), u, 0, 1);
    case Unary::relu6: return jump(jump(exactly(x > 0 && x < 6 ? 1 : 0), u, 0, 1), u, 6, 1);
    case Unary::softplus: return sigmoid_bound(u);
    case Unary::swish: return swish_slope(u);
    case Unary::tanh: return tanh_slope(u);
  }
  throw InternalError(
      text("unary: ", static_cast<int>(f), " has no shadow; write its value and slope in layers/unary_bound.cpp"));
}

namespace {

constexpr Unary kFunctions[] = {Unary::swish, Unary::relu6,      Unary::relu,       Unary::gelu,
                                Unary::tanh,  Unary::leaky_relu, Unary::hard_swish, Unary::softplus};

Unary function_of(const SeenOp& op) {
  for (const Unary f : kFunctions) {
    if (unary_name(f) == op.name) return f;
  }
  throw InternalError(text("unary: no function is called ", op.name));
}

std::vector<Shadow> forward(const SeenOp& op) {
  const Unary f = function_of(op);
  return {shadow_of("y", op.output, 1,
                    [f, x = Values(op.tensor("x"))](std::int64_t i) { return unary_value_bound(f, x.exact(i)); })};
}

// A slope of 0 or 1 chooses dy or 0, so that an infinity in dy is not multiplied by 0.
Bounded chosen(Bounded slope, Bounded dy) {
  if (slope.value == 0 && slope.bound == 0) return exactly(0);
  return slope.value == 1 && slope.bound == 0 ? dy : times(dy, slope);
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const Unary f = function_of(op);
  const bool chooses = f == Unary::relu || f == Unary::relu6 || f == Unary::leaky_relu;
  return {shadow_of("dx", gradients[0], 1, [f, chooses, x = Values(op.tensor("x")), g = Values(dy)](std::int64_t i) {
    const Bounded slope = unary_slope_bound(f, x.exact(i));
    return chooses ? chosen(slope, g.exact(i)) : times(g.exact(i), slope);
  })};
}

}  // namespace

std::span<const OpShadows> unary_shadows() {
  static const std::vector<OpShadows> all = [] {
    std::vector<OpShadows> ops;
    for (const Unary f : kFunctions) ops.push_back({unary_name(f), forward, backward});
    return ops;
  }();
  return all;
}

}  // namespace vitrine
