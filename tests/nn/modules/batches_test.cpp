// Batches for training loops of one's own, and tensors of no module in files.
#include "nn/modules/batches.h"

#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <functional>
#include <limits>
#include <set>

#include "base/error.h"
#include "layers/cross_entropy.h"
#include "nn/modules/gradients.h"
#include "nn/modules/layers.h"
#include "nn/modules/optimizers.h"
#include "nn/modules/state.h"

namespace vitrine::testing {
namespace {

std::string refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Batches, AreAFunctionOfTheKeyAndTakeEachPlaceOnce) {
  const auto first = shuffled_batches(103, 10, {.seed = 1, .epoch = 0});
  ASSERT_EQ(first.size(), 10u);
  std::set<std::int64_t> places;
  for (const Places& batch : first) {
    EXPECT_EQ(batch.size(), 10u);
    places.insert(batch.begin(), batch.end());
  }
  EXPECT_EQ(places.size(), 100u);
  EXPECT_GE(*places.begin(), 0);
  EXPECT_LT(*places.rbegin(), 103);
  EXPECT_EQ(first, shuffled_batches(103, 10, {.seed = 1, .epoch = 0}));
  EXPECT_NE(first, shuffled_batches(103, 10, {.seed = 1, .epoch = 1}));
  EXPECT_NE(first, shuffled_batches(103, 10, {.seed = 2, .epoch = 0}));
  EXPECT_NE(refused([] { shuffled_batches(3, 4, {}); }).find("4 from 3"), std::string::npos);
  EXPECT_NE(refused([] { shuffled_batches(3, 0, {}); }).find("0 from 3"), std::string::npos);
}

TEST(Batches, InOrderEndWithASmallerOne) {
  const auto batches = batches_in_order(7, 3);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[1], (Places{3, 4, 5}));
  EXPECT_EQ(batches[2], (Places{6}));
  EXPECT_TRUE(batches_in_order(0, 3).empty());
  EXPECT_NE(refused([] { batches_in_order(3, 0); }).find("0"), std::string::npos);
}

TEST(Batches, RowsAreThoseOfTheirPlaces) {
  const Tensor x = Tensor::from({3, 2}, std::vector<float>{0, 1, 10, 11, 20, 21});
  const Tensor y = rows(x, Places{2, 0, 2});
  EXPECT_EQ(y.shape(), (Shape{3, 2}));
  EXPECT_EQ(std::vector<float>(y.host().begin(), y.host().end()), (std::vector<float>{20, 21, 0, 1, 20, 21}));
  EXPECT_EQ(rows(x, 1, 3).host()[0], 10);
  EXPECT_EQ(rows(x, 1, 1).shape(), (Shape{0, 2}));
  EXPECT_EQ(rows(std::vector<int>{5, 6, 7}, Places{2, 1}), (std::vector<int>{7, 6}));
  EXPECT_NE(refused([&] { rows(x, Places{0, 3}); }).find("place 3 of 3"), std::string::npos);
  EXPECT_NE(refused([&] { rows(x, Places{-1}); }).find("place -1"), std::string::npos);
  EXPECT_NE(refused([&] { rows(x, 2, 1); }).find("2 to 1"), std::string::npos);
  EXPECT_NE(refused([&] { rows(Tensor::full({}, 1), 0, 0); }).find("scalar"), std::string::npos);
  EXPECT_NE(refused([] { rows(std::vector<int>{1}, Places{1}); }).find("place 1 of 1"), std::string::npos);
}

TEST(Batches, ShareRightCountsTheFirstLargest) {
  const Tensor scores = Tensor::from({3, 2}, std::vector<float>{1, 2, 3, 3, 5, 4});
  EXPECT_DOUBLE_EQ(share_right(scores, std::vector<int>{1, 0, 1}), 2.0 / 3);
  EXPECT_NE(refused([&] { share_right(scores, std::vector<int>{1}); }).find("1 labels"), std::string::npos);
}

TEST(Batches, TensorsOfNoModuleComeBackFromAFile) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "batches-tensors.safetensors";
  const Tensor x = Tensor::from({2, 2}, std::vector<float>{1, -0.0f, 3, 4e-39f});
  write_tensors({{"x", x}, {"y", Tensor::full({1}, 7)}}, path);
  const auto read = read_tensors(path);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read.at("x").shape(), x.shape());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(std::bit_cast<int>(read.at("x").host()[i]), std::bit_cast<int>(x.host()[i]));
  std::filesystem::remove(path);
  EXPECT_NE(refused([&] { read_tensors(path); }).find("batches-tensors"), std::string::npos);
}

// Options that no module or optimiser can use are refused where they are given.
TEST(ModuleOptions, OutsideTheirRangeAreRefused) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const auto has = [](const std::string& sentence, const char* part) {
    EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
  };
  has(refused([] { Conv2d(1, 1, 3, {.padding = std::numeric_limits<std::int64_t>::max()}); }), "padding 0 to");
  has(refused([] { Conv2d(3, 4, -1); }), "kernel -1");
  has(refused([] { Conv2d(0, 4, 3); }), "inputs of 0");
  has(refused([] { DepthwiseConv2d(0, 3); }), "channels of 0");
  has(refused([] { Linear(0, 2); }), "inputs of 0");
  has(refused([] { MBConvBlock(3, 4, {.expansion = std::int64_t{1} << 62}); }), "expansion");
  has(refused([nan] { BatchNorm2d(3, nan); }), "eps");
  has(refused([] { BatchNorm2d(3, -1); }), "eps -1");
  has(refused([] { BatchNorm2d(3, 1e-5, 2); }), "momentum 2");
  has(refused([] { BatchNorm2d(0); }), "of 0");
  Linear net(3, 2);
  has(refused([&] { Adam(net, {.beta2 = 1.0}); }), "beta2 is 1");
  has(refused([&] { Adam(net, {.eps = -1}); }), "eps is -1");
  has(refused([&] { Sgd(net, {.momentum = 2}); }), "momentum is 2");
  Adam optimizer(net, {.lr = nan});
  Tape tape;
  const Tensor x = Tensor::full({2, 3}, 1);
  const std::vector<int> labels{0, 1};
  const Gradients gradients = tape.backward(cross_entropy(net(x, Pass::train(tape)), labels));
  has(refused([&] { optimizer.step(gradients); }), "lr is");
  Tape dropping;
  for (const double rate : {-1.0, nan, 1.0}) has(refused([&] { Dropout{rate}(x, Pass::train(dropping, {})); }), "rate");
  has(refused([&] { Dropout{0.5}(x, Pass::train(dropping)); }), "Pass::train(tape, {.seed");
  has(refused([&] { cross_entropy(Tensor::zeros({1, 3}), Tensor::from({1, 3}, std::vector<float>{-1, 1, 1})); }), "holds -1");
}

struct Twice {
  Linear a{3, 2};
  Dropout first{.rate = 0.5}, second{.rate = 0.5};
  void visit(const Visitor& v) { v("a", a), v("again", a), v("first", first), v("second", second); }
};

TEST(Modules, ASharedWeightIsOneAndDropsDifferByPlaceAndKey) {
  Twice net;
  initialize(net, 1);
  EXPECT_EQ(parameter_count(net), 8);
  EXPECT_EQ(tensors_of(net).size(), 2u);
  Tape tape;
  const Tensor ones = Tensor::full({1, 64}, 1);
  const auto dropped = [&](const Dropout& d, const DropKey& key) {
    const Tensor y = d(ones, Pass::train(tape, key)).tensor();
    return std::vector<float>(y.host().begin(), y.host().end());
  };
  EXPECT_EQ(dropped(net.first, {.seed = 1}), dropped(net.first, {.seed = 1}));
  EXPECT_NE(dropped(net.first, {.seed = 1}), dropped(net.second, {.seed = 1}));
  EXPECT_NE(dropped(net.first, {.seed = 1}), dropped(net.first, {.seed = 1, .epoch = 1}));
}

TEST(Modules, AClonesStorageIsItsOwn) {
  Linear net(3, 2);
  initialize(net, 1);
  Linear best = net, copy = clone(net);
  EXPECT_EQ(state_hash(copy), state_hash(net));
  EXPECT_FALSE(best.weight.value.is_sole_owner());
  EXPECT_TRUE(copy.weight.value.is_sole_owner());
}

// Two halves of a batch give the gradient of the whole; a clipped one has the norm that was asked for; a moved module is refused.
TEST(Modules, GradientsAddUpAndAreClipped) {
  Linear net(3, 2);
  initialize(net, 1);
  const Tensor x = Tensor::from({2, 3}, std::vector<float>{1, 2, 3, -4, 5, 6});
  const auto gradients_of = [&](std::int64_t first, std::int64_t last) {
    Tape tape;
    return tape.backward(net(rows(x, first, last), Pass::train(tape)), Tensor::full({last - first, 2}, 1));
  };
  const Gradients whole = gradients_of(0, 2);
  Gradients sum = gradients_of(0, 1);
  accumulate(net, sum, gradients_of(1, 2));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(sum.of(net.weight).host()[i], whole.of(net.weight).host()[i]);
  EXPECT_GT(clip_norm(net, sum, 0.5), 0.5);
  EXPECT_NEAR(gradient_norm(net, sum), 0.5, 1e-6);
  EXPECT_NEAR(clip_norm(net, sum, 1.0), 0.5, 1e-6);
  EXPECT_NE(refused([&] { clip_norm(net, sum, 0); }).find("above 0"), std::string::npos);
  Linear moved(3, 2);
  Adam optimizer(moved);
  EXPECT_NE(refused([&] { optimizer.step(sum); }).find("2 parameters have no gradient"), std::string::npos);
}

TEST(Modules, AnOptimisersStateGoesOnWhereItWas) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "batches-adam.safetensors";
  Linear a(3, 2), other(4, 2);
  initialize(a, 1);
  const auto step = [](Linear& net, Adam& optimizer) {
    Tape tape;
    optimizer.step(
        tape.backward(net(Tensor::full({1, 3}, 0.5f), Pass::train(tape)), Tensor::from({1, 2}, std::vector<float>{1, -2})));
  };
  Adam first(a);
  step(a, first), step(a, first);
  first.save(path);
  Linear b = clone(a);
  Adam second(b), wrong(other);
  second.load(path);
  step(a, first), step(b, second);
  EXPECT_EQ(state_hash(a), state_hash(b));
  EXPECT_NE(refused([&] { wrong.load(path); }), "accepted");
  std::filesystem::remove(path);
}

// A square weight of a library that stores [out, in] would fit in its shape and lie transposed.
TEST(Modules, AnotherLibrarysFileIsRefusedThoughItsShapesFit) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "batches-foreign.safetensors";
  Linear net(4, 4);
  initialize(net, 1);
  const std::string before = state_hash(net);
  write_tensors({{"weight", Tensor::full({4, 4}, 1)}, {"bias", Tensor::zeros({4})}}, path);
  EXPECT_NE(refused([&] { load(net, path); }).find("not written by save()"), std::string::npos);
  EXPECT_EQ(state_hash(net), before);
  save(net, path);
  EXPECT_EQ(refused([&] { load(net, path); }), "accepted");
  std::filesystem::remove(path);
}

TEST(Batches, AHashFollowsEveryBitOfAModule) {
  Linear a(3, 2), b(3, 2);
  initialize(a, 1), initialize(b, 1);
  EXPECT_EQ(state_hash(a), state_hash(b));
  b.bias.value.mutable_host()[1] = -0.0f;
  EXPECT_NE(state_hash(a), state_hash(b));
}

}  // namespace
}  // namespace vitrine::testing
