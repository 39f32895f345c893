#include "nn/modules/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tests/reference_files.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

void check_golden(const std::string& file_name, const OptimizerOptions& options, double lr) {
  VITRINE_REFERENCE_FILE(path, "ops/optimizer-" + file_name + ".safetensors");
  const TensorFile file = read_safetensors(path);
  Tensor w = file.at("start").to_float();
  Optimizer optimizer(options);
  for (int i = 0; i < 7; ++i) {
    optimizer.step("w", w, file.at("grad." + std::to_string(i)).to_float(), lr);
    const std::vector<double> expected = file.at("after." + std::to_string(i)).to_double();
    double largest = 0;
    for (const double v : expected) largest = std::max(largest, std::abs(v));
    // A step adds a few roundings of the weight and of the update, both at most the largest weight: 4 per step.
    for (std::size_t k = 0; k < expected.size(); ++k) {
      EXPECT_NEAR(w.host()[k], expected[k], 4 * (i + 1) * 0x1p-24 * largest) << file_name << " step " << i << " element " << k;
    }
  }
}

OptimizerOptions pytorch_adam() {
  OptimizerOptions o;
  o.beta2 = 0.999;
  o.eps = 1e-8;
  return o;
}

TEST(OptimizerGolden, Adam) { check_golden("adam", pytorch_adam(), 1e-3); }

TEST(OptimizerGolden, AdamW) {
  OptimizerOptions o;
  o.rule = Rule::adamw;
  o.beta1 = 0.95;
  o.beta2 = 0.99;
  o.eps = 1e-5;
  o.weight_decay = 0.01;
  check_golden("adamw-wd0.01-eps1e-5-betas0.95_0.99", o, 1e-3);
}

TEST(OptimizerGolden, SgdWithMomentum) {
  OptimizerOptions o;
  o.rule = Rule::sgd;
  check_golden("sgd-momentum0.9", o, 0.1);
}

TEST(OptimizerGolden, RmsProp) {
  OptimizerOptions o;
  o.rule = Rule::rmsprop;
  o.eps = 1e-3;
  check_golden("rmsprop-a0.9-m0.9", o, 1e-2);
}

std::vector<float> after_three_steps(Rule rule, bool restored) {
  OptimizerOptions o;
  o.rule = rule;
  Optimizer optimizer(o);
  Tensor w = Tensor::full({20011}, 0.5f);
  for (int step = 0; step < 3; ++step) {
    std::vector<float> g(20011);
    for (std::size_t i = 0; i < g.size(); ++i)
      g[i] = static_cast<float>(static_cast<int>((i * 7919 + static_cast<std::size_t>(step) * 31) % 2001) - 1000) / 1000.0f;
    if (restored) {
      Optimizer other(o);
      other.restore(optimizer.state(), {{"w", {20011}}});
      optimizer = other;
    }
    optimizer.step("w", w, Tensor::from({20011}, g), 1e-2, 0.9 - 0.01 * step);
  }
  return {w.host().begin(), w.host().end()};
}

TEST(Optimizer, SameBitsForThreadsInstructionSetsAndAfterARestore) {
  const int threads = thread_count();
  const Isa isa = active_isa();
  for (const Rule rule : {Rule::adam, Rule::adamw, Rule::sgd, Rule::rmsprop}) {
    const std::vector<float> expected = after_three_steps(rule, false);
    EXPECT_EQ(after_three_steps(rule, true), expected);
    for (const int n : {1, 2, 3, 7}) {
      set_thread_count(n);
      EXPECT_EQ(after_three_steps(rule, false), expected) << n << " threads";
    }
    set_thread_count(threads);
    for (const Isa other : {Isa::scalar, Isa::avx2, Isa::avx512}) {
      if (!isa_supported(other)) continue;
      set_active_isa(other);
      EXPECT_EQ(after_three_steps(rule, false), expected) << isa_name(other);
    }
    set_active_isa(isa);
  }
}

TEST(Optimizer, RefusesAGradientOfAnotherShape) {
  Optimizer optimizer({});
  Tensor w = Tensor::zeros({3});
  EXPECT_THROW(optimizer.step("w", w, Tensor::zeros({4}), 1e-3), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
