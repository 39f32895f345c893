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

// Both corrections use the betas of the step itself, as PyTorch and fast.ai do where one-cycle changes beta1; worked in float64 here.
TEST(Optimizer, CorrectsByTheBetasOfTheStep) {
  for (const bool after : {true, false}) {
    OptimizerOptions o;
    o.beta2 = 0.99;
    o.eps = 1e-3;
    o.eps_after_correction = after;
    Optimizer optimizer(o);
    Tensor w = Tensor::full({1}, 1.0f);
    double m = 0, v = 0, expected = 1;
    for (int t = 1; t <= 6; ++t) {
      const double beta1 = 0.95 - 0.02 * t, g = 0.3 * t - 0.8, lr = 0.01 * t;
      optimizer.step("w", w, Tensor::full({1}, static_cast<float>(g)), lr, beta1);
      m = beta1 * m + (1 - beta1) * g;
      v = 0.99 * v + 0.01 * g * g;
      const double corrected = std::sqrt(1 - std::pow(0.99, t));
      const double divisor = after ? std::sqrt(v) / corrected + 1e-3 : (std::sqrt(v) + 1e-3) / corrected;
      expected -= lr / (1 - std::pow(beta1, t)) * m / divisor;
      EXPECT_NEAR(w.host()[0], expected, 4e-7 * t) << "step " << t;
    }
  }
}

TEST(Optimizer, DecaysWhatItIsToldToDecay) {
  for (const Rule rule : {Rule::adam, Rule::sgd, Rule::rmsprop}) {
    OptimizerOptions o;
    o.rule = rule;
    o.weight_decay = 0.1;
    o.decay_vectors = false;
    Optimizer optimizer(o);
    Tensor matrix = Tensor::full({2, 3}, 2.0f), vector = Tensor::full({3}, 2.0f);
    optimizer.step("matrix", matrix, Tensor::zeros({2, 3}), 0.5);  // without a gradient decay is all that is left
    optimizer.step("vector", vector, Tensor::zeros({3}), 0.5);
    EXPECT_FLOAT_EQ(matrix.host()[0], 2.0f * 0.95f) << static_cast<int>(rule);
    EXPECT_EQ(vector.host()[0], 2.0f);
    o.decay_vectors = true;
    Optimizer all(o);
    all.step("vector", vector, Tensor::zeros({3}), 0.5);
    EXPECT_FLOAT_EQ(vector.host()[0], 2.0f * 0.95f);
  }
}

TEST(Optimizer, RefusesAGradientOfAnotherShape) {
  Optimizer optimizer({});
  Tensor w = Tensor::zeros({3});
  EXPECT_THROW(optimizer.step("w", w, Tensor::zeros({4}), 1e-3), ShapeError);
  EXPECT_THROW(optimizer.step("w", w, Tensor::zeros(w.shape()).to(Device::cuda_host()), 1e-3), DeviceError);
}

}  // namespace
}  // namespace vitrine::testing
