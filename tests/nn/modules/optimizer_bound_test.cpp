// Every element of an update, for every rule, is within its bound, on every instruction set and from the first step on.
#include "nn/modules/optimizer_bound.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/everywhere.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

struct Case {
  const char* name;
  OptimizerOptions options;
  double lr, momentum, scale;
};

std::vector<Case> cases() {
  const auto with = [](Rule rule, auto change) {
    OptimizerOptions o;
    o.rule = rule;
    change(o);
    return o;
  };
  const auto nothing = [](OptimizerOptions&) {};
  const auto decay = [](OptimizerOptions& o) { o.weight_decay = 0.01; };
  return {{"adam", with(Rule::adam, nothing), 1e-3, -1, 0.1},
          {"adam, slow", with(Rule::adam, [](OptimizerOptions& o) { o.beta2 = 0.9999, o.eps = 1e-8; }), 1e-3, 0.85, 0.1},
          {"adam, second form", with(Rule::adam, [](OptimizerOptions& o) { o.eps_after_correction = false; }), 1e-2, -1, 1},
          {"adamw", with(Rule::adamw, decay), 1e-2, 0.95, 0.1},
          {"sgd", with(Rule::sgd, nothing), 0.1, -1, 1},
          {"sgd with decay", with(Rule::sgd, decay), 0.1, 0.5, 1},
          {"rmsprop", with(Rule::rmsprop, decay), 1e-2, -1, 1},
          {"adam, tiny gradients", with(Rule::adam, nothing), 1e-3, -1, 1e-22},
          {"adam, subnormal gradients", with(Rule::adam, nothing), 1e-3, -1, 1e-41},
          {"adam, large gradients", with(Rule::adam, nothing), 1e-3, -1, 1e15},
          {"rmsprop, no gradients", with(Rule::rmsprop, nothing), 1e-3, -1, 0}};
}

Tensor moment(const Optimizer& optimizer, const std::string& name, const Shape& shape) {
  for (const auto& [key, tensor] : optimizer.state()) {
    if (key == name) return tensor.clone();
  }
  return Tensor::zeros(shape);
}

// A SeenUpdate of each of four steps.
std::vector<SeenUpdate> steps_of(const Case& c) {
  const Shape shape{40, 51};
  Optimizer optimizer(c.options);
  Tensor w = drawn(shape, 0, 0.5, 1);
  std::vector<SeenUpdate> all;
  for (int step = 1; step <= 4; ++step) {
    SeenUpdate seen{.options = optimizer.options(), .lr = c.lr, .momentum = c.momentum, .steps = step};
    seen.value = w.clone();
    seen.gradient = drawn(shape, 0, c.scale, static_cast<std::uint32_t>(step + 1));
    seen.first = moment(optimizer, "w:first", shape);
    seen.second = moment(optimizer, "w:second", shape);
    optimizer.step("w", w, seen.gradient, c.lr, c.momentum);
    seen.new_value = w.clone();
    seen.new_first = moment(optimizer, "w:first", shape);
    seen.new_second = moment(optimizer, "w:second", shape);
    all.push_back(seen);
  }
  return all;
}

TEST(OptimizerShadows, EveryElementIsWithinItsBound) {
  for (const Case& c : cases()) {
    std::map<std::string, double> worst;
    everywhere({1, 3}, [&](const std::string& where) {
      for (const SeenUpdate& seen : steps_of(c)) {
        for (const Shadow& shadow : update_shadows(seen)) {
          for (std::int64_t i = 0; i < shadow.elements; ++i) {
            const double rho = rho_of(shadow, i);
            worst[shadow.of] = std::max(worst[shadow.of], rho);
            ASSERT_LE(rho, 1) << c.name << " " << shadow.of << "[" << i << "] step " << seen.steps << " " << where;
          }
        }
      }
    });
    for (const auto& [of, rho] : worst) std::printf("%-28s %-8s worst rho %.3f\n", c.name, of.c_str(), rho);
  }
}

TEST(OptimizerShadows, AnotherRateOrStepIsFound) {
  for (const Case& c : cases()) {
    if (c.scale < 0.01 || c.scale > 10) continue;
    SeenUpdate seen = steps_of(c).back();
    seen.lr *= 1 + 1e-3;
    std::int64_t found = 0;
    const std::vector<Shadow> all = update_shadows(seen);
    for (std::int64_t i = 0; i < seen.value.size(); ++i) found += rho_of(all.back(), i) > 1 ? 1 : 0;
    EXPECT_GT(found, seen.value.size() / 4) << c.name;
    if (c.options.rule != Rule::adam) continue;
    seen = steps_of(c).back();
    seen.steps = 3;
    EXPECT_GT(rho_of(update_shadows(seen).back(), 0), 1) << c.name;
  }
}

}  // namespace
}  // namespace vitrine::testing
