// The checker of gradients: it passes every smooth op, and refuses a gradient that is wrong by one per cent, a term, a sign or a place.
#include "autograd/check_gradient.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "autograd/reshape.h"
#include "layers/add.h"
#include "layers/batch_norm.h"
#include "layers/blocks/squeeze_excitation.h"
#include "layers/conv2d.h"
#include "layers/cross_entropy.h"
#include "layers/depthwise_conv2d.h"
#include "layers/drop_connect.h"
#include "layers/dropout.h"
#include "layers/global_average_pool.h"
#include "layers/global_max_pool.h"
#include "layers/linear.h"
#include "layers/scale_channels.h"
#include "layers/sigmoid.h"
#include "layers/unary.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using Inputs = std::span<const Variable>;
using Function = std::function<Variable(Inputs)>;

// ---- what passes

struct SmoothOp {
  std::string name;
  std::vector<Shape> inputs;
  Function apply;
  double mean = 0;
};

const Tensor kTargets = Tensor::from({3, 4}, std::vector<float>{1, 0, 0, 0, 0, 0.5f, 0.5f, 0, 0.25f, 0.25f, 0.25f, 0.25f});

std::vector<SmoothOp> smooth_ops() {
  std::vector<SmoothOp> ops{
      {"add", {{7, 5}, {7, 5}}, [](Inputs in) { return add(in[0], in[1]); }},
      {"linear", {{5, 37}, {37, 11}, {11}}, [](Inputs in) { return linear(in[0], in[1], in[2]); }},
      {"conv2d",
       {{2, 7, 6, 3}, {3, 3, 3, 5}, {5}},
       [](Inputs in) {
         return conv2d(in[0], in[1], in[2], {.stride = 2, .padding = {1, 1, 1, 1}});
       }},
      {"depthwise_conv2d",
       {{2, 6, 6, 9}, {3, 3, 9}},
       [](Inputs in) {
         return depthwise_conv2d(in[0], in[1], {.stride = 1, .padding = {1, 1, 1, 1}});
       }},
      {"batch_norm_train", {{40, 6}, {6}, {6}}, [](Inputs in) { return batch_norm_train(in[0], in[1], in[2], 1e-3, nullptr); }},
      {"batch_norm_train_of_a_large_mean",
       {{40, 6}, {6}, {6}},
       [](Inputs in) { return batch_norm_train(in[0], in[1], in[2], 1e-3, nullptr); },
       30},
      {"batch_norm_eval",
       {{40, 6}, {6}, {6}},
       [](Inputs in) { return batch_norm_eval(in[0], in[1], in[2], Tensor::full({6}, 0.3f), Tensor::full({6}, 2.0f), 1e-3); }},
      {"cross_entropy", {{3, 4}}, [](Inputs in) { return cross_entropy(in[0], kTargets, 0.1); }},
      {"dropout",
       {{9, 8}},
       [](Inputs in) {
         return dropout(in[0], 0.4, DropKey{3, 1, 0}, 2);
       }},
      {"drop_connect",
       {{9, 8}},
       [](Inputs in) {
         return drop_connect(in[0], 0.4, DropKey{3, 1, 0}, 2);
       }},
      {"global_average_pool", {{2, 5, 4, 6}}, [](Inputs in) { return global_average_pool(in[0]); }},
      {"scale_channels", {{2, 5, 4, 6}, {2, 6}}, [](Inputs in) { return scale_channels(in[0], in[1]); }},
      {"sigmoid", {{500}}, [](Inputs in) { return sigmoid(in[0]); }},
      {"flatten", {{4, 3, 5}}, [](Inputs in) { return flatten(in[0]); }},
      // the constant before a norm of batches does nothing: a gradient of zero, and rounding in every quotient
      {"bias_before_batch_norm",
       {{30, 4}, {4, 5}, {5}},
       [](Inputs in) {
         return batch_norm_train(linear(in[0], in[1], in[2]), Tensor::full({5}, 1.0f), Tensor::zeros({5}), 1e-3, nullptr);
       }},
      {"one_value", {{1}}, [](Inputs in) { return unary(Unary::swish, in[0]); }},
      {"many_values", {{40000}}, [](Inputs in) { return unary(Unary::gelu, in[0]); }},
  };
  for (const Unary f : {Unary::swish, Unary::gelu, Unary::tanh})
    ops.push_back({std::string(unary_name(f)), {{200}}, [f](Inputs in) { return unary(f, in[0]); }});
  return ops;
}

std::vector<Tensor> drawn_inputs(const std::vector<Shape>& shapes, double mean = 0) {
  std::vector<Tensor> inputs;
  for (const Shape& s : shapes)
    inputs.push_back(drawn(s, inputs.empty() ? mean : 0, 1, static_cast<std::uint32_t>(inputs.size() + 1)));
  return inputs;
}

TEST(CheckGradient, PassesEverySmoothOpWithRoomToSpare) {
  for (const SmoothOp& op : smooth_ops()) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      const GradientCheck check = check_gradient(op.apply, drawn_inputs(op.inputs, op.mean), {.seed = seed});
      EXPECT_TRUE(check.ok) << op.name << ": " << check.text();
      EXPECT_LE(check.largest, check.bound / 4) << op.name << ": " << check.text();
      if (op.name != "bias_before_batch_norm") {
        EXPECT_EQ(check.below_noise, 0) << op.name << ": " << check.text();
      }
    }
  }
}

// Piecewise linear functions pass where no input is near a kink.
TEST(CheckGradient, PassesFunctionsWithKinksAwayFromThem) {
  const Tensor away = Tensor::from({4}, std::vector<float>{-2, -1, 1, 2});
  for (const Unary f : {Unary::relu, Unary::relu6, Unary::leaky_relu}) {
    const GradientCheck check = check_gradient([f](Inputs in) { return unary(f, in[0]); }, std::vector{away});
    EXPECT_TRUE(check.ok) << check.text();
  }
  std::vector<float> apart(2 * 3 * 3 * 2);
  for (std::size_t i = 0; i < apart.size(); ++i) apart[i] = static_cast<float>(7 * i % apart.size());
  const GradientCheck check = check_gradient([](Inputs in) { return global_max_pool(in[0]); },
                                             std::vector{Tensor::from({2, 3, 3, 2}, apart)}, {.elements = 40});
  EXPECT_TRUE(check.ok) << check.text();
}

TEST(CheckGradient, IsAFunctionOfItsSeed) {
  const SmoothOp op = smooth_ops()[2];
  const auto run = [&](std::uint64_t seed) { return check_gradient(op.apply, drawn_inputs(op.inputs), {.seed = seed}).text(); };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

// ---- what does not

// y_i = x_i^3 + 2 x_i, with a gradient of one's own.
struct Faulty final : Node {
  Tensor x;
  std::function<void(std::span<const float> x, std::span<float> dx)> spoil;

  Faulty(Tensor input, decltype(spoil) s) : x(std::move(input)), spoil(std::move(s)) {}
  std::string_view name() const override { return "faulty"; }
  void visit(SavedVisitor& show) const override { show("x", x); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape());
    const auto g = dx.mutable_host();
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = dy.host()[i] * (3 * x.host()[i] * x.host()[i] + 2);
    if (spoil) spoil(x.host(), g);
    return {dx};
  }
};

Variable cubic(const Variable& x, decltype(Faulty::spoil) spoil) {
  Tensor y = Tensor::uninitialized(x.shape());
  for (std::size_t i = 0; i < y.host().size(); ++i) {
    const float v = x.tensor().host()[i];
    y.mutable_host()[i] = v * v * v + 2 * v;
  }
  const Variable inputs[] = {x};
  return record<Faulty>(std::move(y), inputs, x.tensor(), std::move(spoil));
}

using Spoil = decltype(Faulty::spoil);

void each(std::span<float> dx, const std::function<float(std::size_t, float)>& change) {
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] = change(i, dx[i]);
}

TEST(CheckGradientSmoke, RefusesWhatIsWrong) {
  const std::vector<std::pair<std::string, Spoil>> faults{
      {"a factor of 1.01", [](auto, auto dx) { each(dx, [](std::size_t, float g) { return 1.01f * g; }); }},
      {"a factor of 0.99", [](auto, auto dx) { each(dx, [](std::size_t, float g) { return 0.99f * g; }); }},
      {"the wrong sign", [](auto, auto dx) { each(dx, [](std::size_t, float g) { return -g; }); }},
      {"no gradient", [](auto, auto dx) { each(dx, [](std::size_t, float) { return 0.0f; }); }},
      {"a missing term",
       [](auto x, auto dx) { each(dx, [&](std::size_t i, float g) { return g * 3 * x[i] * x[i] / (3 * x[i] * x[i] + 2); }); }},
      {"one element's sign", [](auto, auto dx) { dx[dx.size() / 2] *= -1; }},
      {"two elements exchanged", [](auto, auto dx) { std::swap(dx[0], dx[dx.size() - 1]); }},
      {"a NaN", [](auto, auto dx) { dx[0] = std::numeric_limits<float>::quiet_NaN(); }},
  };
  for (const std::int64_t n : {2, 5, 16, 30}) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      const auto check = [&](const Spoil& spoil) {
        return check_gradient([&](Inputs in) { return cubic(in[0], spoil); }, drawn_inputs({{n}}), {.seed = seed});
      };
      const GradientCheck right = check(nullptr);
      EXPECT_TRUE(right.ok) << n << ": " << right.text();
      for (const auto& [name, spoil] : faults)
        EXPECT_FALSE(check(spoil).ok) << name << " of " << n << ": " << check(spoil).text();
    }
  }
  // Of many elements one is found only where it is drawn, but a factor always.
  for (const std::int64_t n : {400, 30000}) {
    for (const std::size_t fault : {0u, 1u, 2u, 3u, 4u}) {
      const GradientCheck wrong =
          check_gradient([&](Inputs in) { return cubic(in[0], faults[fault].second); }, drawn_inputs({{n}}));
      EXPECT_FALSE(wrong.ok) << faults[fault].first << " of " << n << ": " << wrong.text();
    }
  }
}

TEST(CheckGradient, RefusesAWrongFactorBeforeEverySmoothOp) {
  for (const SmoothOp& op : smooth_ops()) {
    for (std::size_t k = 0; k < op.inputs.size(); ++k) {
      if (op.name == "bias_before_batch_norm" && k == 2) continue;  // 1.01 times nothing
      struct Scaled final : Node {
        std::string_view name() const override { return "scaled"; }
        std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
          Tensor dx = dy.clone();
          for (float& g : dx.mutable_host()) g *= 1.01f;
          return {dx};
        }
      };
      const GradientCheck check = check_gradient(
          [&](Inputs in) {
            std::vector<Variable> all(in.begin(), in.end());
            const Variable inputs[] = {in[k]};
            all[k] = record<Scaled>(in[k].tensor().clone(), inputs);
            return op.apply(all);
          },
          drawn_inputs(op.inputs, op.mean));
      EXPECT_FALSE(check.ok) << op.name << " input " << k << ": " << check.text();
      EXPECT_THAT(check.where, HasSubstr("input " + std::to_string(k))) << check.text();
    }
  }
}

TEST(CheckGradient, SaysWhatAndWhere) {
  const GradientCheck wrong =
      check_gradient([](Inputs in) { return cubic(in[1], [](auto, auto dx) { dx[2] *= -1; }); }, drawn_inputs({{3}, {4}}));
  EXPECT_THAT(
      wrong.text(),
      HasSubstr("gradients differ from 13 difference quotients: furthest from the bound is input 1[2], where the tape has "));
  const GradientCheck right = check_gradient([](Inputs in) { return cubic(in[1], nullptr); }, drawn_inputs({{3}, {4}}));
  EXPECT_THAT(right.text(), HasSubstr("gradients agree with "));
}

TEST(CheckGradient, RefusesFunctionsThatCannotBeChecked) {
  int calls = 0;
  const auto reason = [](const Function& f) {
    const GradientCheck check = check_gradient(f, drawn_inputs({{3}}));
    EXPECT_FALSE(check.ok);
    return check.text();
  };
  EXPECT_THAT(reason([&](Inputs in) { return add(in[0], Tensor::full({3}, static_cast<float>(++calls))); }),
              HasSubstr("another output"));
  EXPECT_THAT(reason([](Inputs) { return Variable(Tensor::zeros({1})); }), HasSubstr("does not depend on its inputs"));
  EXPECT_THAT(reason([](Inputs in) { return add(in[0], Tensor::full({3}, std::numeric_limits<float>::infinity())); }),
              HasSubstr("not finite"));
}

}  // namespace
}  // namespace vitrine::testing
