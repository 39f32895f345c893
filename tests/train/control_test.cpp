#include "train/control.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "tests/train/small_fold.h"
#include "train/control_rows.h"

namespace vitrine::testing {
namespace {

Splits splits_of(int subjects) {
  Splits s;
  s.folds.resize(2);
  for (int i = 0; i < subjects; ++i) {
    const std::string id = "s" + std::to_string(i);
    s.labels[id] = i % 3 == 0 ? "SCLC" : "NSCLC";
    (i < 12 ? s.test : s.folds[static_cast<std::size_t>(i % 2)].validation).push_back(id);
  }
  return s;
}

int dense(const std::vector<std::string>& subjects, const std::map<std::string, std::string>& labels) {
  int n = 0;
  for (const std::string& s : subjects) n += labels.at(s) == "SCLC" ? 1 : 0;
  return n;
}

TEST(Control, LabelsAreDealtWithinEachPart) {
  const Splits splits = splits_of(60);
  const auto dealt = permuted_labels(splits, 1);
  EXPECT_EQ(dealt.size(), 60u);
  EXPECT_EQ(dense(splits.test, dealt), dense(splits.test, splits.labels));
  for (const Fold& f : splits.folds) EXPECT_EQ(dense(f.validation, dealt), dense(f.validation, splits.labels));
  EXPECT_NE(dealt, splits.labels);
  EXPECT_EQ(dealt, permuted_labels(splits, 1));
  EXPECT_NE(dealt, permuted_labels(splits, 2));
  // Over many deals a subject's label is its own as often as its part has it: 4 of 12 in the test part.
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) kept += permuted_labels(splits, seed).at("s0") == "SCLC" ? 1 : 0;
  EXPECT_NEAR(kept, 100, 41);  // five deviations
}

// A crop whose disc and corners differ: only the corners are left. Every label goes with its subject.
TEST(Control, ImagesAndLabelsOfADataSet) {
  const Splits splits = splits_of(60);
  Dataset data;
  data.classes = {"NSCLC", "SCLC"};
  for (const char* id : {"s0", "s0", "s1"}) {
    Tensor image = Tensor::full({8, 8, 3}, 0.75f);
    for (std::size_t c = 0; c < 3; ++c) image.mutable_host()[c] = 0.25f * static_cast<float>(c);  // the first corner
    data.images.push_back(image);
    data.samples.push_back({"", id, 1, 1, splits.labels.at(id), "", "", 0, ""});
    data.labels.push_back(data.samples.back().label == "SCLC" ? 1 : 0);
  }
  Dataset permuted = data, background = data, swapped = data, same = data;
  apply(Control::permuted_labels, splits, 3, false, permuted);
  const auto dealt = permuted_labels(splits, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(permuted.samples[i].label, dealt.at(data.samples[i].subject_id));
    EXPECT_EQ(permuted.classes[static_cast<std::size_t>(permuted.labels[i])], permuted.samples[i].label);
  }
  apply(Control::background, splits, 3, false, background);
  std::set<float> inside;
  for (std::size_t y = 2; y < 6; ++y) {
    for (std::size_t x = 2; x < 6; ++x) inside.insert(background.images[0].host()[(y * 8 + x) * 3 + 2]);
  }
  EXPECT_EQ(inside.size(), 1u);                     // nothing of the lesion is left
  EXPECT_LT(*inside.begin(), 0.75f);                // the mean of what is outside, which one corner lowers
  EXPECT_EQ(background.images[0].host()[2], 0.5f);  // and outside nothing changed
  apply(Control::swapped_channels, splits, 3, false, swapped);
  EXPECT_TRUE(std::ranges::equal(swapped.images[0].host(), data.images[0].host()));  // training sees them as ever
  apply(Control::swapped_channels, splits, 3, true, swapped);
  EXPECT_EQ(swapped.images[0].host()[0], 0.25f);
  EXPECT_EQ(swapped.images[0].host()[2], 0.0f);
  apply(Control::none, splits, 3, true, same);
  EXPECT_TRUE(std::ranges::equal(same.images[0].host(), data.images[0].host()));
  EXPECT_THROW(control_from_name("permute"), UsageError);
}

TEST(ControlRows, AreNamedOnceAndDifferFromTheRun) {
  TrainOptions run;
  run.weights = "w.pth";
  const std::vector<ControlRow> rows = control_rows(run, 3);
  std::set<std::string> names, groups;
  const auto described = [](const TrainOptions& o) {
    std::string all;
    for (const auto& [name, value] : describe(o)) all += name + value + "\n";
    return all;
  };
  for (const ControlRow& row : rows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    groups.insert(row.group);
    EXPECT_NE(described(row.options), described(run)) << row.name;
  }
  EXPECT_EQ(groups, (std::set<std::string>{"seeds", "controls", "choices"}));
  for (const char* name : {"seed-43", "seed-44", "permuted-labels-1", "permuted-labels-3", "background", "swapped-channels",
                           "head-concat-pool", "schedule-flat", "oversample-by-draws", "weights-drawn", "select-nested"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_FALSE(names.contains("schedule-one-cycle-v2"));  // the run's own
  run.inputs = "flair";
  run.weights.clear();
  for (const ControlRow& row : control_rows(run, 1)) EXPECT_TRUE(row.name != "swapped-channels" && row.name != "weights-drawn");
  EXPECT_THROW(control_rows(run, 0), UsageError);
}

}  // namespace
}  // namespace vitrine::testing
