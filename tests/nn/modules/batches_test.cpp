// Batches for training loops of one's own, and tensors of no module in files.
#include "nn/modules/batches.h"

#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <functional>
#include <set>

#include "base/error.h"
#include "nn/modules/layers.h"
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

TEST(Batches, AHashFollowsEveryBitOfAModule) {
  Linear a(3, 2), b(3, 2);
  initialize(a, 1), initialize(b, 1);
  EXPECT_EQ(state_hash(a), state_hash(b));
  b.bias.value.mutable_host()[1] = -0.0f;
  EXPECT_NE(state_hash(a), state_hash(b));
}

}  // namespace
}  // namespace vitrine::testing
