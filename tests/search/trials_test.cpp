// Which trials a space has: the order of the grid, and draws that are functions of (seed, trial, option).
#include "search/trials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/number.h"

namespace vitrine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SearchSpace space_of(const std::string& options, const std::string& search = "") {
  return parse_space(options + (search.empty() ? "" : "[search]\nmethod = \"random\"\n" + search), "space.toml");
}

double number(const std::string& value) {
  double v = 0;
  EXPECT_TRUE(parse_number(std::string_view(value), v)) << value;
  return v;
}

TEST(Trials, AGridChangesItsLastOptionFastest) {
  const SearchSpace space = space_of("arch = [\"b0\", \"b1\"]\nlr = [1, 2, 3]\n");
  const std::vector<Trial> trials = plan_trials(space);
  ASSERT_EQ(trials.size(), 6u);
  EXPECT_EQ(trials[0].number, 1);
  EXPECT_THAT(trials[0].values, ElementsAre("b0", "1"));
  EXPECT_THAT(trials[1].values, ElementsAre("b0", "2"));
  EXPECT_THAT(trials[3].values, ElementsAre("b1", "1"));
  EXPECT_THAT(trials[5].values, ElementsAre("b1", "3"));
  EXPECT_EQ(trial_text(space, trials[5]), "arch b1, lr 3");
}

TEST(Trials, ADrawDependsOnSeedTrialAndOptionAlone) {
  const std::string lr = "lr = { low = 1e-5, high = 1e-2, scale = \"log\" }\n", mixup = "mixup = { low = 0, high = 1 }\n";
  const std::vector<Trial> few = plan_trials(space_of(lr + mixup, "trials = 5\n"));
  const std::vector<Trial> many = plan_trials(space_of(mixup + lr + "epochs = [10, 20]\n", "trials = 50\n"));
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].values[0], many[i].values[1]);
    EXPECT_EQ(few[i].values[1], many[i].values[0]);
  }
  const std::vector<Trial> other = plan_trials(space_of(lr + mixup, "trials = 5\nseed = 43\n"));
  for (std::size_t i = 0; i < few.size(); ++i) EXPECT_NE(few[i].values, other[i].values);
  // Bits of this version; a change of the draws must be meant.
  EXPECT_THAT(few[0].values, ElementsAre("0.0002525", "0.5384"));
}

TEST(Trials, RangesAreDrawnEvenlyOnTheirScale) {
  const std::vector<Trial> trials =
      plan_trials(space_of("lr = { low = 1e-5, high = 1e-2, scale = \"log\" }\nmixup = { low = 0, high = 1 }\n"
                           "batch-size = { low = 4, high = 6 }\narch = [\"b0\", \"b1\", \"b2\", \"b3\"]\n",
                           "trials = 3000\n"));
  double logs = 0, mixups = 0;
  std::map<std::string, int> sizes, archs;
  for (const Trial& t : trials) {
    const double lr = number(t.values[0]);
    EXPECT_GE(lr, 1e-5);
    EXPECT_LE(lr, 1e-2);
    logs += std::log10(lr) / 3000;
    mixups += number(t.values[1]) / 3000;
    ++sizes[t.values[2]];
    ++archs[t.values[3]];
    EXPECT_LE(t.values[0].size(), 10u) << "four significant digits";
  }
  EXPECT_NEAR(logs, -3.5, 0.05);  // 3 / sqrt(12 * 3000) is 0.016
  EXPECT_NEAR(mixups, 0.5, 0.02);
  ASSERT_EQ(sizes.size(), 3u);
  for (const auto& [size, count] : sizes) EXPECT_NEAR(count, 1000, 100) << size;
  ASSERT_EQ(archs.size(), 4u);
  for (const auto& [arch, count] : archs) EXPECT_NEAR(count, 750, 90) << arch;
}

TEST(Trials, WholeNumbersOnALogarithmicScaleStayWithinTheirRange) {
  std::set<int> seen;
  int small = 0;
  for (const Trial& t : plan_trials(space_of(
           "batch-size = { low = 1, high = 64, scale = \"log\" }\nseed = { low = 0, high = 100000 }\n", "trials = 500\n"))) {
    seen.insert(static_cast<int>(number(t.values[0])));
    small += number(t.values[0]) < 8 ? 1 : 0;
  }
  EXPECT_GE(*seen.begin(), 1);
  EXPECT_LE(*seen.rbegin(), 64);
  EXPECT_NEAR(small, 250, 50);  // log 8 / log 65 is 0.498
}

TEST(Trials, NoTrialIsThereTwiceAndASmallSpaceIsUsedUp) {
  std::string lr = "lr = [1";
  for (int i = 2; i <= 60; ++i) lr += "," + std::to_string(i);
  const std::vector<Trial> trials = plan_trials(space_of(lr + "]\nseed = [1, 2, 3, 4, 5]\n", "trials = 300\n"));
  std::set<std::vector<std::string>> seen;
  for (const Trial& t : trials) seen.insert(t.values);
  EXPECT_EQ(seen.size(), 300u);
  try {
    plan_trials(space_of("lr = { low = 1, high = 1.002 }\n", "trials = 20\n"));
    ADD_FAILURE() << "accepted a range that has three values of four digits";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("too narrow for 20 trials"));
  }
}

TEST(Trials, ATrialsOptionsAreTheBaseWithItsValues) {
  const SearchSpace space = space_of("arch = [\"b0\", \"b1\"]\nlr = [1e-4, 3e-4]\nno-augmentation = [true]\n");
  RunOptions base;
  base.train.epochs = 7;
  const RunOptions options = options_of(space, plan_trials(space)[3], base);
  EXPECT_EQ(options.train.arch, "b1");
  EXPECT_EQ(options.train.lr, 3e-4);
  EXPECT_FALSE(options.train.augmentation);
  EXPECT_EQ(options.train.epochs, 7);
}

}  // namespace
}  // namespace vitrine::testing
