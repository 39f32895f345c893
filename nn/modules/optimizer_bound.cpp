#include "nn/modules/optimizer_bound.h"

#include <cmath>

#include "layers/bounded.h"

namespace vitrine {
namespace {

// A constant, computed in float64 with that relative error and rounded to float32.
Bounded constant(double value, double relative = 0x1p-48) {
  return {value, std::abs(value) * (kUnitRoundoff + relative) + kUnderflow};
}

Bounded root(Bounded z) { return rounded(exactly(std::sqrt(z.value))); }

struct Update {
  SeenUpdate seen;
  Values value, gradient, first, second, new_first, new_second;
  double beta1, momentum;
  bool decays;

  explicit Update(const SeenUpdate& update)
      : seen(update),
        value(update.value),
        gradient(update.gradient),
        first(update.first),
        second(update.second),
        new_first(update.new_first),
        new_second(update.new_second),
        beta1(update.momentum >= 0 ? update.momentum : update.options.beta1),
        momentum(update.momentum >= 0 ? update.momentum : update.options.momentum),
        decays(update.options.weight_decay > 0 && (update.value.shape().rank() > 1 || update.options.decay_vectors)) {}

  bool is(Rule rule) const { return seen.options.rule == rule; }
  bool is_adam() const { return is(Rule::adam) || is(Rule::adamw); }

  Bounded decayed(std::int64_t i) const {
    return decays ? times(constant(1 - seen.lr * seen.options.weight_decay), value.exact(i)) : value.exact(i);
  }
  Bounded square_moment(std::int64_t i, double share) const {
    const Bounded g = gradient.exact(i);
    return fused(constant(1 - share), times(g, g), times(constant(share), second.exact(i)));
  }
  Bounded velocity(std::int64_t i) const {
    if (is_adam()) return fused(constant(1 - beta1), gradient.exact(i), times(constant(beta1), first.exact(i)));
    if (is(Rule::sgd)) {
      return seen.steps == 1 ? gradient.exact(i) : fused(constant(momentum), first.exact(i), gradient.exact(i));
    }
    const Bounded divisor = plus(root(new_second.exact(i)), constant(seen.options.eps));
    return fused(constant(momentum), first.exact(i), over(gradient.exact(i), divisor));
  }
  Bounded adam_value(std::int64_t i) const {
    const auto t = static_cast<double>(seen.steps);
    const double left1 = 1 - std::pow(beta1, t), left2 = 1 - std::pow(seen.options.beta2, t);
    const double correction = 1 / std::sqrt(left2), power = 100 * kWideRoundoff;
    const bool after = seen.options.eps_after_correction;
    const Bounded eps = constant(seen.options.eps * (after ? 1 : correction), power / left2);
    const Bounded divisor = fused(root(new_second.exact(i)), constant(correction, power / left2), eps);
    const Bounded step = constant(seen.lr / left1, power / left1);
    return minus(decayed(i), times(step, over(new_first.exact(i), divisor)));
  }
  Bounded new_value(std::int64_t i) const {
    return is_adam() ? adam_value(i) : fused(negative(constant(seen.lr)), new_first.exact(i), decayed(i));
  }
};

}  // namespace

std::vector<Shadow> update_shadows(const SeenUpdate& seen) {
  const Update update(seen);
  std::vector<Shadow> all;
  all.push_back(shadow_of("first", seen.new_first, 1, [update](std::int64_t i) { return update.velocity(i); }));
  if (!update.is(Rule::sgd)) {
    const double share = update.is(Rule::rmsprop) ? seen.options.alpha : seen.options.beta2;
    all.push_back(
        shadow_of("second", seen.new_second, 1, [update, share](std::int64_t i) { return update.square_moment(i, share); }));
  }
  for (Shadow& moment : all) moment.inner = true;
  all.push_back(shadow_of("value", seen.new_value, 1, [update](std::int64_t i) { return update.new_value(i); }));
  return all;
}

}  // namespace vitrine
