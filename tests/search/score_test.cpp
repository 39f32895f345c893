// What a trial is judged by, by hand; and that a search sees nothing of the test part.
#include "search/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "search/search.h"

namespace vitrine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Predictions by the probability of the second class.
FoldFiles predicted(const std::vector<std::pair<int, double>>& label_and_probability) {
  FoldFiles fold;
  fold.classes = {"NSCLC", "SCLC"};
  for (const auto& [label, p] : label_and_probability) {
    Prediction prediction;
    prediction.label = label;
    prediction.probability = {1 - p, p};
    fold.validation.push_back(prediction);
  }
  return fold;
}

TEST(Score, TheFourMetricsOfAFold) {
  const FoldFiles fold = predicted({{0, 0.2}, {0, 0.6}, {1, 0.7}, {1, 0.9}});
  EXPECT_DOUBLE_EQ(*validation_score(fold, Monitor::accuracy), 0.75);
  EXPECT_DOUBLE_EQ(*validation_score(fold, Monitor::auc), 1);
  EXPECT_NEAR(*validation_score(fold, Monitor::loss), -(std::log(0.8) + std::log(0.4) + std::log(0.7) + std::log(0.9)) / 4,
              1e-15);
  EXPECT_NEAR(*validation_score(fold, Monitor::f1), (2.0 / 3 + 0.8) / 2, 1e-15);
}

TEST(Score, WhereItIsUndefinedThereIsNone) {
  const FoldFiles one_class = predicted({{0, 0.2}, {0, 0.6}});
  EXPECT_FALSE(validation_score(one_class, Monitor::auc));
  EXPECT_NEAR(*validation_score(one_class, Monitor::f1), (2.0 / 3 + 0) / 2, 1e-15);
  EXPECT_NEAR(*validation_score(predicted({{0, 0.2}}), Monitor::f1), 1, 1e-15)
      << "the class that is neither there nor predicted is left out";
  RunResult run;
  run.folds = {one_class, predicted({{0, 0.2}, {1, 0.1}}), predicted({{0, 0.2}, {1, 0.6}})};
  const TrialScore score = score_of(run, Monitor::auc);
  ASSERT_EQ(score.folds.size(), 3u);
  EXPECT_FALSE(score.folds[0]);
  EXPECT_EQ(score.mean->count, 2);
  EXPECT_DOUBLE_EQ(score.mean->mean, 0.5);
  EXPECT_NEAR(score.mean->sd, std::sqrt(0.5), 1e-15);
  run.folds = {one_class};
  EXPECT_FALSE(score_of(run, Monitor::auc).mean);
}

Manifest five_subjects() {
  Manifest manifest;
  manifest.path = "manifest.csv";
  for (int i = 0; i < 5; ++i) {
    Sample s;
    s.subject_id = "S" + std::to_string(i);
    s.sample_id = s.subject_id + "_1";
    s.label = i % 2 == 0 ? "NSCLC" : "SCLC";
    manifest.samples.push_back(s);
  }
  return manifest;
}

TEST(Seen, TheTestPartIsInNoManifestAndNoSplitOfASearch) {
  Splits splits;
  splits.path = "splits.json";
  splits.manifest_sha256 = "of the whole";
  splits.test = {"S4"};
  splits.folds = {{{"S0", "S1"}, {"S2", "S3"}, {}}, {{"S2", "S3"}, {"S0", "S1"}, {}}};
  const Manifest seen = part_of(five_subjects(), splits, SplitPart{});
  EXPECT_THAT(seen.subjects(), ElementsAre("S0", "S1", "S2", "S3"));
  const Splits all = part_of(splits, SplitPart{});
  EXPECT_THAT(all.test, IsEmpty());
  EXPECT_EQ(all.folds.size(), 2u);
  EXPECT_EQ(all.manifest_sha256, "of the whole");
  ASSERT_TRUE(all.part) << "a trial does not pass for a run of the whole split";
  EXPECT_FALSE(all.part->test);
  const Splits second = part_of(splits, SplitPart{{1}});
  ASSERT_EQ(second.folds.size(), 1u);
  EXPECT_THAT(second.folds[0].validation, ElementsAre("S0", "S1"));
  EXPECT_EQ(second.part->folds, std::vector<int>{1});
  EXPECT_THAT(part_of(splits, SplitPart{{1}, true}).test, ElementsAre("S4"));
  EXPECT_THROW(part_of(splits, SplitPart{{2}}), UsageError);
  splits.folds[0].train.push_back("S4");
  EXPECT_THROW(part_of(splits, SplitPart{}), DataError);
}

TEST(Seen, AClassInTheTestPartOnlyIsRefused) {
  Splits splits;
  splits.test = {"S1", "S3"};
  EXPECT_THROW(part_of(five_subjects(), splits, SplitPart{}), DataError);
}

}  // namespace
}  // namespace vitrine::testing
