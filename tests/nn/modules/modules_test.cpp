// Modules as values: names, shapes in messages, starting values, state in files, devices, the update's rule about who holds a weight.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "layers/cross_entropy.h"
#include "layers/relu.h"
#include "layers/swish.h"
#include "nn/modules/layers.h"
#include "nn/modules/optimizers.h"
#include "nn/modules/state.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tests/cuda_devices.h"
#include "tests/everywhere.h"

namespace vitrine::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Stage {
  Conv2d conv;
  BatchNorm2d norm;

  Stage(std::int64_t inputs, std::int64_t outputs) : conv(inputs, outputs, 3, {.bias = false}), norm(outputs) {}
  Variable operator()(const Variable& x, const Pass& pass) { return relu(norm(conv(x, pass), pass)); }
  void visit(const Visitor& v) { v("conv", conv), v("norm", norm); }
};

struct Net {
  Sequential<Stage, MaxPool2d, Sequential<Stage, Function>> features{Stage(2, 4), MaxPool2d({3, 2, 1}),
                                                                     Sequential{Stage(4, 6), Function{swish}}};
  Flatten flat;
  Linear out{6 * 4 * 4, 3};

  Variable forward(const Variable& x, const Pass& pass) { return out(flat(features(x, pass), pass), pass); }
  void visit(const Visitor& v) { v("features", features), v("flat", flat), v("out", out); }
};

Tensor drawn(const Shape& shape, std::uint32_t what) {
  const Draw source{.seed = 3, .op = what};
  Tensor t = Tensor::uninitialized(shape);
  for (std::size_t i = 0; i < t.mutable_host().size(); ++i)
    t.mutable_host()[i] = static_cast<float>(source.normal(static_cast<std::uint32_t>(i)));
  return t;
}

std::vector<float> values_of(const Tensor& t) {
  const Tensor here = t.to(Device::cpu());
  return {here.host().begin(), here.host().end()};
}

template <class Module>
std::vector<std::vector<float>> state_of(Module& module) {
  std::vector<std::vector<float>> state;
  for (const ModuleTensor& t : tensors_of(module)) state.push_back(values_of(*t.value));
  return state;
}

template <class Module>
std::vector<std::string> names_of(Module& module) {
  std::vector<std::string> names;
  for (const ModuleTensor& t : tensors_of(module)) names.push_back(t.name);
  return names;
}

// The sentence with which `work` is refused.
template <class E, class Work>
std::string refusal(const Work& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  } catch (const Error& error) {
    return std::string("another error: ") + error.what();
  }
  return "no error";
}

std::filesystem::path scratch(const std::string& name) {
  return std::filesystem::path(::testing::TempDir()) /
         (name + "-" + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".safetensors");
}

TEST(ModulesSmoke, NamesAreJoinedByDotsThroughEveryNesting) {
  Net net;
  EXPECT_THAT(names_of(net),
              ElementsAre("features.0.conv.weight", "features.0.norm.weight", "features.0.norm.bias",
                          "features.0.norm.running_mean", "features.0.norm.running_var", "features.2.0.conv.weight",
                          "features.2.0.norm.weight", "features.2.0.norm.bias", "features.2.0.norm.running_mean",
                          "features.2.0.norm.running_var", "out.weight", "out.bias"));
}

TEST(Modules, ParametersAreCountedRunningStatisticsAreNot) {
  Net net;
  EXPECT_EQ(parameter_count(net), 9 * 2 * 4 + 2 * 4 + 9 * 4 * 6 + 2 * 6 + 6 * 16 * 3 + 3);
}

TEST(Modules, TwoTensorsOfOneNameAreRefused) {
  struct Twice {
    Linear a{2, 2}, b{2, 2};
    void visit(const Visitor& v) { v("out", a), v("out", b); }
  } twice;
  EXPECT_THAT(refusal<InternalError>([&] { tensors_of(twice); }), HasSubstr("two tensors 'out.weight'"));
}

TEST(Modules, AWrongShapeNamesTheModulesPathAndBothShapes) {
  Net net;
  tensors_of(net);  // tells every module its path
  const Pass pass;
  EXPECT_EQ(refusal<ShapeError>([&] {
              net.forward(Tensor::zeros({1, 8, 8, 3}), pass);
            }),
            "features.0.conv: x is [1, 8, 8, 3], expected [N, H, W, 2]");
  EXPECT_EQ(refusal<ShapeError>([&] {
              net.forward(Tensor::zeros({1, 12, 8, 2}), pass);
            }),
            "out: x is [1, 144], expected [N, 96]");
  EXPECT_EQ(refusal<ShapeError>([&] {
              net.features(Tensor::zeros({8, 8, 2}), pass);
            }),
            "features.0.conv: x is [8, 8, 2], expected [N, H, W, 2]");
  EXPECT_EQ(refusal<ShapeError>([&] { net.flat(Tensor::zeros(Shape{}), pass); }),
            "flatten: x is a scalar, expected [N, ...] in flat");
}

// What only the op can see ends with the path.
TEST(Modules, AnErrorOfTheOpEndsWithThePath) {
  struct Deep {
    Sequential<Conv2d, MaxPool2d, AveragePool2d, DepthwiseConv2d> body{Conv2d(1, 1, 1), MaxPool2d({5, 1}), AveragePool2d({4}),
                                                                       DepthwiseConv2d(1, 7, {.padding = 0})};
    void visit(const Visitor& v) { v("body", body); }
  } deep;
  tensors_of(deep);
  const Pass pass;
  EXPECT_EQ(refusal<ShapeError>([&] {
              deep.body(Tensor::zeros({1, 4, 9, 1}), pass);
            }),
            "max_pool2d: x is [1, 4, 9, 1], expected [N, H, W, C] with room for a window of 5 x 5 with padding 0 in body.1");
  EXPECT_EQ(
      refusal<ShapeError>([&] {
        deep.body(Tensor::zeros({1, 6, 6, 1}), pass);
      }),
      "average_pool2d: x is [1, 2, 2, 1], expected [N, H, W, C] with room for a window of 4 x 4 with padding 0 in body.2");
  EXPECT_THAT(refusal<ShapeError>([&] {
                deep.body(Tensor::zeros({1, 16, 16, 1}), pass);
              }),
              AllOf(HasSubstr("[1, 3, 3, 1]"), HasSubstr("[7, 7, 1]"), HasSubstr("in body.3")));
}

TEST(Modules, OptionsOutsideTheirRangeAreRefusedWhereTheyAreGiven) {
  EXPECT_THROW(MaxPool2d({0}), UsageError);
  EXPECT_THROW(AveragePool2d({3, 1, 2}), UsageError);
  EXPECT_THROW(Conv2d(1, 1, 0), UsageError);
  EXPECT_THROW(ConvNormActivation(2, 3, 3, {.depthwise = true}), UsageError);
  EXPECT_THROW(MBConvBlock(0, 1), UsageError);
  EXPECT_THROW(MBConvBlock(1, 1, {.expansion = 0}), UsageError);
  EXPECT_THROW(MBConvBlock(1, 1, {.squeeze_ratio = 1.5}), UsageError);
  EXPECT_THROW(MBConvBlock(1, 1, {.drop_connect = 1}), UsageError);
  EXPECT_THROW(SqueezeExcite(4, 0), UsageError);
}

TEST(Modules, InitialValuesAreAFunctionOfSeedPlaceAndElement) {
  Net net;
  initialize(net, 11);
  std::uint32_t place = 0;
  for (const ModuleTensor& t : tensors_of(net)) {
    if (t.parameter == nullptr) continue;
    const Draw draw{.seed = 11, .purpose = Purpose::init, .op = place++};
    if (t.value->shape().rank() < 2) continue;
    const Shape& s = t.value->shape();
    const double deviation = std::sqrt(2.0 / static_cast<double>(s.elements() / s.back()));
    for (const std::uint32_t i : {0u, 1u, 17u, static_cast<std::uint32_t>(s.elements() - 1)})
      EXPECT_EQ(t.value->host()[i], static_cast<float>(deviation * draw.normal(i))) << t.name << "[" << i << "]";
  }
  const auto first = state_of(net);
  everywhere({1, 2, 3, 7}, [&](const std::string& where) {
    Net other;
    initialize(other, 11);
    EXPECT_EQ(state_of(other), first) << where;
  });
  initialize(net, 12);
  EXPECT_NE(state_of(net), first);
}

TEST(Modules, InitialWeightsHaveTheVarianceOfTheirFanInBiasesAndNormsStayAsTheyWereMade) {
  struct Wide {
    Conv2d conv{16, 64, 3};
    DepthwiseConv2d depthwise{512, 5};
    Linear out{300, 40};
    BatchNorm2d norm{8};
    void visit(const Visitor& v) { v("conv", conv), v("depthwise", depthwise), v("out", out), v("norm", norm); }
  } wide;
  initialize(wide, 5);
  const auto check = [](const Tensor& w, double fan_in) {
    double sum = 0, squares = 0;
    for (const float v : w.host()) sum += v, squares += static_cast<double>(v) * v;
    const auto n = static_cast<double>(w.size());
    // Of n normal draws the variance is known to sqrt(2 / n), the mean to sqrt(variance / n): four times that.
    EXPECT_NEAR(squares / n * fan_in / 2, 1, 4 * std::sqrt(2 / n));
    EXPECT_NEAR(sum / n, 0, 4 * std::sqrt(2 / fan_in / n));
  };
  check(wide.conv.weight.value, 9 * 16);
  check(wide.depthwise.weight.value, 25);
  check(wide.out.weight.value, 300);
  for (const float v : wide.conv.bias.value.host()) EXPECT_EQ(v, 0);
  for (const float v : wide.norm.norm.gamma.value.host()) EXPECT_EQ(v, 1);
}

TEST(Modules, AVariableAliveAtTheUpdateNamesTheWeightAndTheRemedy) {
  Net net;
  initialize(net, 1);
  Sgd optimizer(net);
  std::optional<Variable> kept;
  const auto step = [&](bool keep) {
    Tape tape;
    const Pass pass{.mode = Mode::train, .tape = &tape};
    const Variable loss = cross_entropy(net.forward(drawn({4, 8, 8, 2}, 1), pass), std::vector<int>{0, 1, 2, 0});
    if (keep) kept = pass.parameter(net.out.weight);
    optimizer.step(tape.backward(loss));
  };
  const auto weights = [&] {
    std::vector<std::vector<float>> values;
    for (const ModuleTensor& t : tensors_of(net)) {
      if (t.parameter != nullptr) values.push_back(values_of(*t.value));
    }
    return values;
  };
  const auto before = weights();
  EXPECT_THAT(refusal<InternalError>([&] { step(true); }),
              AllOf(HasSubstr("'out.weight'"), HasSubstr("go out of scope"), HasSubstr("clone()")));
  EXPECT_EQ(weights(), before) << "the weights before the refused one were updated";
  kept.reset();
  step(false);
  EXPECT_NE(weights(), before);
}

TEST(Modules, StateGoesThroughAFileBitForBit) {
  Net net, other;
  initialize(net, 1);
  net.out.bias.value = drawn({3}, 2);
  const std::filesystem::path path = scratch("state");
  save(net, path);
  load(other, path);
  EXPECT_EQ(state_of(other), state_of(net));
  to(other, Device::cuda_host());
  initialize(other, 9);
  load(other, path);
  EXPECT_EQ(state_of(other), state_of(net));
  for (const ModuleTensor& t : tensors_of(other)) EXPECT_EQ(t.value->device(), Device::cuda_host()) << t.name;
  std::filesystem::remove(path);
}

TEST(Modules, StateOfAnotherModuleIsRefusedWithItsNamesAndChangesNothing) {
  struct One {
    Linear out{4, 3}, only_here{2, 2}, misshapen{2, 5};
    void visit(const Visitor& v) { v("out", out), v("only_here", only_here), v("misshapen", misshapen); }
  } one;
  struct Other {
    Linear out{4, 3}, only_there{1, 1}, misshapen{5, 2};
    void visit(const Visitor& v) { v("out", out), v("only_there", only_there), v("misshapen", misshapen); }
  } other;
  initialize(one, 1), initialize(other, 2);
  const std::filesystem::path path = scratch("other");
  save(other, path);
  const auto before = state_of(one);
  EXPECT_THAT(refusal<WeightsError>([&] { load(one, path); }),
              AllOf(HasSubstr("missing: only_here.weight, only_here.bias;"), HasSubstr("too many: only_there."),
                    HasSubstr("of another shape: misshapen.weight [5, 2] for [2, 5], misshapen.bias [2] for [5]")));
  EXPECT_EQ(state_of(one), before);
  std::filesystem::remove(path);
}

TEST(Modules, WeightsOnAnotherDeviceThanTheInputAreRefused) {
  Linear out(4, 3);
  to(out, Device::cuda_host());
  EXPECT_EQ(refusal<DeviceError>([&] {
              out(Tensor::zeros({2, 4}), Pass{});
            }),
            "linear: x lies on cpu, the weights on cuda-host; move one of them with to()");
}

struct Blocks {
  ConvNormActivation stem{2, 8, 3, {.stride = 2}};
  MBConvBlock one{8, 8, {.expansion = 1, .squeeze_ratio = 0.5}};
  MBConvBlock two{8, 12, {.kernel = 5, .stride = 2, .drop_connect = 0.2, .place = 1}};
  MBConvBlock three{
      12, 12, {.expansion = 4, .squeeze_ratio = 0, .activation = Activation::relu6, .drop_connect = 0.3, .place = 2}};
  AveragePool2d pool{{3, 1, 1}, false};
  MaxPool2d shrink;
  Dropout dropout{0.25, 3};
  Flatten flat;
  Linear out{12 * 4 * 4, 3};

  Variable forward(const Variable& x, const Pass& pass) {
    Variable y = three(two(one(stem(x, pass), pass), pass), pass);
    y = flat(shrink(pool(y, pass), pass), pass);
    return out(dropout(y, pass), pass);
  }
  void visit(const Visitor& v) {
    v("stem", stem), v("one", one), v("two", two), v("three", three), v("pool", pool), v("shrink", shrink);
    v("dropout", dropout), v("flat", flat), v("out", out);
  }
};

TEST(MBConvBlockModule, NamesAndShapesFollowFromTheOptions) {
  MBConvBlock block(8, 12, {.kernel = 5, .stride = 2});
  std::vector<std::string> rows;
  for (const ModuleTensor& t : tensors_of(block)) rows.push_back(t.name + " " + t.value->shape().text());
  const auto norm = [](const std::string& unit, const std::string& channels) {
    std::vector<std::string> names;
    for (const char* name : {"weight", "bias", "running_mean", "running_var"})
      names.push_back(unit + ".norm." + name + " [" + channels + "]");
    return names;
  };
  std::vector<std::string> expected{"expand.weight [1, 1, 8, 48]"};
  const auto append = [&](const std::vector<std::string>& more) { expected.insert(expected.end(), more.begin(), more.end()); };
  append(norm("expand", "48"));
  append({"depthwise.weight [5, 5, 48]"});
  append(norm("depthwise", "48"));
  append({"squeeze_excitation.reduce.weight [48, 2]", "squeeze_excitation.reduce.bias [2]",
          "squeeze_excitation.expand.weight [2, 48]", "squeeze_excitation.expand.bias [48]", "project.weight [1, 1, 48, 12]"});
  append(norm("project", "12"));
  EXPECT_EQ(rows, expected);
  EXPECT_FALSE(block.block.residual);
  EXPECT_TRUE(MBConvBlock(8, 8).block.residual);
}

TEST(MBConvBlockModule, WrongChannelsNameThePath) {
  Blocks net;
  tensors_of(net);
  EXPECT_EQ(refusal<ShapeError>([&] {
              net.two(Tensor::zeros({1, 8, 8, 7}), Pass{});
            }),
            "two: x is [1, 8, 8, 7], expected [N, H, W, 8]");
}

// The fused node and the ops one by one: the same mathematics in another order of sums.
TEST(MBConvBlockModule, FusedAndComposedAgree) {
  const auto run = [](bool fused) {
    MBConvBlock block(8, 8, {.drop_connect = 0.3});
    initialize(block, 4);
    Tape tape;
    const Variable x = tape.input(drawn({4, 6, 6, 8}, 1));
    const Pass pass{.mode = Mode::train, .tape = &tape, .key = DropKey{.seed = 2}, .fused = fused};
    const Variable y = block(x, pass);
    const std::size_t nodes = tape.size();
    std::vector<std::vector<float>> results{values_of(y.tensor())};
    const Gradients gradients = tape.backward(y, drawn(y.shape(), 2));
    results.push_back(values_of(gradients.of(x)));
    for (const ModuleTensor& t : tensors_of(block)) {
      if (t.parameter != nullptr) results.push_back(values_of(gradients.of(*t.parameter)));
      if (t.parameter == nullptr) results.push_back(values_of(*t.value));
    }
    return std::pair(results, nodes);
  };
  const auto [composed, many] = run(false);
  const auto [fused, few] = run(true);
  EXPECT_LT(few, many);
  ASSERT_EQ(fused.size(), composed.size());
  for (std::size_t k = 0; k < fused.size(); ++k) {
    float largest = 0;
    for (const float v : composed[k]) largest = std::max(largest, std::abs(v));
    // 144 pixels a channel, four products in a row: some hundred roundings of 2^-24 at the most.
    for (std::size_t i = 0; i < fused[k].size(); ++i)
      EXPECT_NEAR(fused[k][i], composed[k][i], 2e-5f * largest) << k << " " << i;
  }
}

// Three steps of Adam from the same start: logits, weights and running statistics.
std::vector<std::vector<float>> trained(Device device) {
  Blocks net;
  initialize(net, 6);
  to(net, device);
  Adam optimizer(net, {.lr = 1e-2});
  const Tensor x = drawn({4, 32, 32, 2}, 1).to(device);
  for (std::uint32_t i = 0; i < 3; ++i) {
    Tape tape;
    const Pass pass{.mode = Mode::train, .tape = &tape, .key = DropKey{.seed = 8, .epoch = i}};
    optimizer.step(tape.backward(cross_entropy(net.forward(x, pass), std::vector<int>{0, 1, 2, 1})));
  }
  std::vector<std::vector<float>> state = state_of(net);
  state.push_back(values_of(net.forward(x, Pass{}).tensor()));
  return state;
}

TEST(ModuleTraining, HasTheSameBitsForThreadsInstructionSetsAndCudaDevicesOfThePortableTier) {
  const auto expected = trained(Device::cpu());
  for (const float v : expected.back()) EXPECT_TRUE(std::isfinite(v));
  everywhere({1, 3}, [&](const std::string& where) { EXPECT_EQ(trained(Device::cpu()), expected) << where; });
  for (const Device device : cuda_devices()) {
    const TierScope scope(cuda::Tier::portable);
    EXPECT_EQ(trained(device), expected) << device.text();
  }
}

TEST(ModuleTraining, LowersTheLoss) {
  Net net;
  initialize(net, 1);
  Adam optimizer(net, {.lr = 1e-2});
  const Tensor x = drawn({6, 8, 8, 2}, 1);
  const std::vector<int> labels{0, 1, 2, 0, 1, 2};
  std::vector<float> losses;
  for (int i = 0; i < 20; ++i) {
    Tape tape;
    const Variable loss = cross_entropy(net.forward(x, Pass{.mode = Mode::train, .tape = &tape}), labels);
    losses.push_back(loss.tensor().host()[0]);
    optimizer.step(tape.backward(loss));
  }
  EXPECT_LT(losses.back(), 0.1f * losses.front());
}

}  // namespace
}  // namespace vitrine::testing
