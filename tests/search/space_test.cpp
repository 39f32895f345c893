// The space of a search: what is read, and that a slip is named before anything is trained.
#include "search/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace vitrine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_refusal(const std::string& space, const std::string& what) {
  try {
    parse_space(space, "space.toml");
    ADD_FAILURE() << "accepted: " << space;
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("space.toml")) << space;
    EXPECT_THAT(error.what(), HasSubstr(what)) << space;
    EXPECT_LE(std::string(error.what()).size(), 300u) << space;
  }
}

TEST(Space, ListsRangesAndSettingsAreRead) {
  const SearchSpace space = parse_space(
      "manifest = \"prep/manifest.csv\"\n"
      "splits = \"splits.json\"\n"
      "arch = [\"b0\", \"b1\"]\n"
      "[search]\n"
      "method = \"random\"\n"
      "trials = 7\n"
      "seed = 18446744073709551615\n"
      "metric = \"auc\"\n"
      "folds = [2, 0]\n"
      "halving = true\n"
      "eta = 2\n"
      "min-epochs = 5\n"
      "[training]\n"
      "lr = { low = 1e-5, high = 1e-2, scale = \"log\" }\n"
      "batch-size = { low = 8, high = 32 }\n"
      "no-oversample = [true, false]\n",
      "space.toml");
  EXPECT_EQ(space.manifest, "prep/manifest.csv");
  EXPECT_EQ(space.splits, "splits.json");
  EXPECT_EQ(space.method, SearchMethod::random);
  EXPECT_EQ(space.trials, 7);
  EXPECT_EQ(space.seed, 18446744073709551615u);
  EXPECT_EQ(space.metric, Monitor::auc);
  EXPECT_THAT(space.folds, ElementsAre(0, 2));
  ASSERT_TRUE(space.halving);
  EXPECT_EQ(space.halving->eta, 2);
  EXPECT_EQ(space.halving->min_epochs, 5);
  ASSERT_EQ(space.options.size(), 4u);
  EXPECT_THAT(space.options[0].values, ElementsAre("b0", "b1"));
  EXPECT_STREQ(space.options[1].row->name, "lr");
  EXPECT_TRUE(space.options[1].is_range());
  EXPECT_TRUE(space.options[1].log);
  EXPECT_EQ(space.options[1].low, 1e-5);
  EXPECT_EQ(space.options[1].high, 1e-2);
  EXPECT_FALSE(space.options[2].log);
  EXPECT_THAT(space.options[3].values, ElementsAre("true", "false"));
}

TEST(Space, ValuesAreWrittenAsTheTableOfOptionsWritesThem) {
  const SearchSpace space = parse_space("lr = [1e-3, 0.01, 1]\nweight-decay = [0, 1E-4]\nseed = [1, 2]\n", "space.toml");
  EXPECT_THAT(space.options[0].values, ElementsAre("0.001", "0.01", "1"));
  EXPECT_THAT(space.options[1].values, ElementsAre("0", "1e-04"));
  EXPECT_THAT(space.options[2].values, ElementsAre("1", "2"));
  EXPECT_EQ(combinations(space, 1000), 12u);
  EXPECT_EQ(space.method, SearchMethod::grid);
  EXPECT_EQ(space.metric, Monitor::accuracy);
}

TEST(Space, AnUnknownKeyNamesTheNearest) {
  expect_refusal("arhc = [\"b0\"]\n", "'arhc' is no option that can be searched; is it arch?");
  expect_refusal("lr = [1e-3]\n[search]\nmetod = \"grid\"\n", "space.toml:3: 'metod' is no setting of [search]; is it method?");
  expect_refusal("lr = [1e-3]\n[serach]\nmethod = \"grid\"\n", "there is no section [serach]; is it search?");
  expect_refusal("[search]\nlr = [1e-3]\n", "searched options stand before [search]");
  expect_refusal("[network]\nlr = [1e-3]\n", "lr stands in [network]; it belongs in [training]");
  expect_refusal("[training]\nlr = [1e-3]\n[data]\ninputs = [\"t1c\"]\nlr = [1]\n", "it belongs in [training]");
}

TEST(Space, ValuesOutOfTheirRangeAreRefusedWithTheirLine) {
  expect_refusal("lr = [1e-3,\n 1e9]\n", "space.toml:2: --lr is 1000000000, expected a number from 1e-12 to 1000");
  expect_refusal("epochs = [10, 0]\n", "--epochs is 0");
  expect_refusal("epochs = [1.5]\n", "epochs holds a number with a fraction, 1.5; expected whole numbers from 1 to 100000");
  expect_refusal("arch = [\"b0\", \"b9\"]\n", "b9");
  expect_refusal("arch = [0]\n", "arch holds a whole number, 0; expected texts in double quotes");
  expect_refusal("inputs = [\"t3\"]\n", "t3");
  expect_refusal("no-augmentation = [1]\n", "expected true or false");
  expect_refusal("lr = { low = 1e-5, high = 1e9 }\n", "--lr is 1000000000");
  expect_refusal("lr = [1e-3, 0.001]\n", "lr holds 0.001 twice");
  expect_refusal("lr = []\n", "lr is an empty list");
  expect_refusal("lr = 1e-3\n", "lr is one value; write a list, [1e-3]");
}

TEST(Space, RangesHaveTwoEndsInOrder) {
  const std::string random = "[search]\nmethod = \"random\"\ntrials = 3\n";
  expect_refusal("lr = { low = 1e-5 }\n" + random, "the range of lr has no high");
  expect_refusal("lr = { low = 1, high = 1 }\n" + random, "low must be below high");
  expect_refusal("lr = { low = 1, hihg = 2 }\n" + random, "a range has no 'hihg'");
  expect_refusal("lr = { low = 1, high = 2, scale = \"cubic\" }\n" + random, "expected \"linear\" or \"log\"");
  expect_refusal("mixup = { low = 0, high = 1, scale = \"log\" }\n" + random, "low must be above 0");
  expect_refusal("arch = { low = 0, high = 7 }\n" + random, "arch has no range: it is a text");
  expect_refusal("seed = { low = 0, high = 18446744073709551615 }\n" + random, "at most 2^53");
}

TEST(Space, OptionsThatDecideNoResultAreNotSearched) {
  expect_refusal("device = [\"cpu\", \"cuda\"]\n", "device decides no result");
  expect_refusal("save-every = [1, 2]\n", "save-every decides no result");
  expect_refusal("split-seed = [1, 2]\n", "split-seed is of the split");
}

TEST(Space, AGridIsFiniteAndBounded) {
  expect_refusal("lr = { low = 1e-5, high = 1e-2 }\n", "lr is a range, and a grid takes lists only");
  std::string many = "seed = [0";
  for (int i = 1; i < 100; ++i) many += "," + std::to_string(i);
  expect_refusal(many + "]\n" + "epochs" + many.substr(4) + ",100]\n", "--epochs is 0");
  std::string epochs = "epochs = [1";
  for (int i = 2; i <= 101; ++i) epochs += "," + std::to_string(i);
  expect_refusal(many + "]\n" + epochs + "]\n", "the grid has 10100 combinations, at most 9999");
  std::string values = "lr = [1";
  for (std::size_t i = 2; i <= kMostValues + 1; ++i) values += "," + std::to_string(i);
  expect_refusal(values + "]\n", "lr has 1001 values, at most 1000");
}

TEST(Space, SettingsWithoutEffectAreRefused) {
  expect_refusal("lr = [1]\n[search]\ntrials = 3\n", "trials has no effect without method = \"random\"");
  expect_refusal("lr = [1]\n[search]\nseed = 3\n", "seed has no effect without");
  expect_refusal("lr = [1]\n[search]\neta = 3\n", "eta has no effect without halving = true");
  expect_refusal("lr = [1]\n[search]\nhalving = false\nmin-epochs = 3\n", "min-epochs has no effect without");
  expect_refusal("lr = [1]\n[search]\nhalving = true\n", "halving needs min-epochs");
  expect_refusal("epochs = [1, 2]\n[search]\nhalving = true\nmin-epochs = 1\n", "halving sets the epochs itself");
  expect_refusal("lr = [1, 2]\n[search]\nmethod = \"random\"\n", "needs its number of trials");
  expect_refusal("lr = [1, 2]\n[search]\nmethod = \"random\"\ntrials = 3\n", "have 2 combinations, fewer than the 3 trials");
  expect_refusal("[search]\nmethod = \"grid\"\n", "searches no option");
  expect_refusal("", "searches no option");
}

TEST(Space, SettingsHaveTheirValues) {
  const std::string lr = "lr = [1, 2]\n[search]\n";
  expect_refusal(lr + "method = \"bayes\"\n", "method is bayes, expected \"grid\" or \"random\"");
  expect_refusal(lr + "metric = \"AUC\"\n", "expected \"accuracy\", \"auc\", \"loss\" or \"f1\"");
  expect_refusal(lr + "method = \"random\"\ntrials = 10000\n", "expected a whole number from 1 to 9999");
  expect_refusal(lr + "folds = [0, 0]\n", "names a fold twice");
  expect_refusal(lr + "folds = [-1]\n", "expected numbers of folds");
  expect_refusal(lr + "folds = 2\n", "folds is a whole number, expected a list");
  expect_refusal(lr + "folds = []\n", "folds is empty");
  expect_refusal(lr + "halving = 1\n", "halving is a whole number, expected true or false");
  expect_refusal(lr + "halving = true\nmin-epochs = 1\neta = 1\n", "expected a whole number from 2 to 100");
  expect_refusal("manifest = 3\nlr = [1]\n", "manifest is a whole number");
}

}  // namespace
}  // namespace vitrine::testing
