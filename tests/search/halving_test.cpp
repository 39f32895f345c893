// Successive halving by cases worked by hand.
#include "search/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace vitrine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::pair<int, int>> rungs(int trials, int eta, int min_epochs, int max_epochs) {
  std::vector<std::pair<int, int>> all;
  for (const Rung& r : plan_rungs(trials, eta, min_epochs, max_epochs)) all.emplace_back(r.epochs, r.trials);
  return all;
}

TEST(Halving, EachRungHasEtaTimesTheEpochsAndAnEtathOfTheTrials) {
  using P = std::pair<int, int>;
  EXPECT_THAT(rungs(27, 3, 1, 27), ElementsAre(P{1, 27}, P{3, 9}, P{9, 3}, P{27, 1}));
  EXPECT_THAT(rungs(16, 2, 10, 80), ElementsAre(P{10, 16}, P{20, 8}, P{40, 4}, P{80, 2}));
  EXPECT_THAT(rungs(10, 3, 4, 36), ElementsAre(P{4, 10}, P{12, 3}, P{36, 1}));
  EXPECT_THAT(rungs(20, 3, 10, 100), ElementsAre(P{10, 20}, P{30, 6}, P{90, 2}, P{100, 1})) << "the last rung has all epochs";
}

TEST(Halving, OneThatIsAloneGoesStraightToTheLastRung) {
  using P = std::pair<int, int>;
  EXPECT_THAT(rungs(4, 4, 1, 64), ElementsAre(P{1, 4}, P{64, 1}));
  EXPECT_THAT(rungs(2, 3, 5, 100), ElementsAre(P{5, 2}, P{100, 1}));
  EXPECT_THAT(rungs(1, 3, 5, 100), ElementsAre(P{100, 1}));
  EXPECT_THAT(rungs(9, 3, 50, 50), ElementsAre(P{50, 9})) << "nothing to halve";
}

TEST(Halving, WhatCannotBePlannedIsAFault) {
  for (const auto& [trials, eta, low, high] : {std::tuple{0, 3, 1, 9}, {3, 1, 1, 9}, {3, 3, 0, 9}, {3, 3, 10, 9}})
    EXPECT_THROW(plan_rungs(trials, eta, low, high), InternalError);
}

TEST(Halving, OfEqualsTheFirstGoesOn) {
  using Scores = std::vector<std::optional<double>>;
  EXPECT_THAT(best_of(Scores{0.5, 0.9, 0.7, 0.9, 0.8}, false, 2), ElementsAre(1, 3));
  EXPECT_THAT(best_of(Scores{0.5, 0.9, 0.7, 0.9, 0.8}, false, 1), ElementsAre(1));
  EXPECT_THAT(best_of(Scores{0.5, 0.9, 0.7, 0.5, 0.8}, true, 1), ElementsAre(0));
  EXPECT_THAT(best_of(Scores{0.5, 0.9, 0.7, 0.5, 0.8}, true, 3), ElementsAre(0, 2, 3));
  EXPECT_THAT(best_of(Scores{std::nullopt, 0.1, std::nullopt}, false, 2), ElementsAre(1)) << "a failed trial does not go on";
  EXPECT_THAT(best_of(Scores{std::nullopt}, false, 2), IsEmpty());
}

}  // namespace
}  // namespace vitrine::testing
