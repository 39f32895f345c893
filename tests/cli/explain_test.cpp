// `vitrine explain`: the files that it writes of a run and of a checkpoint, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/csv.h"
#include "base/file.h"
#include "base/number.h"
#include "data/photograph.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Explain : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m", {.subjects = 8, .crops = 2});
    run("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    run("cv " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path("a") +
        " --arch lite0 --mixup 0 --no-augmentation --threads 1 -q --epochs 1");
  }
  Outcome run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    return outcome;
  }
  std::string explain(const std::string& more, const std::string& out = "out") const {
    return "explain " + path("a") + " --draws 1 -o " + path(out) + " " + more;
  }
  std::string file(const std::string& name) const { return read_file(folder / name, 1u << 22); }
};

std::string cell(const CsvTable& table, std::size_t row, std::string_view column) {
  return std::string(table[row][table.column(column)]);
}

double number(const CsvTable& table, std::size_t row, std::string_view column) {
  double value = -1;
  EXPECT_TRUE(parse_number(cell(table, row, column), value)) << column << " is " << cell(table, row, column);
  return value;
}

TEST_F(Explain, TopLossesHaveAPictureARowAndMaps) {
  const Outcome printed = run(explain("--samples top-losses:3"));
  for (const char* part : {"Grad-CAM of 3 samples of the validation part of", "classifier", "above", "4 x 4"})
    EXPECT_THAT(printed.output, HasSubstr(part));
  const CsvTable index = read_csv(folder / "out" / "index.csv");
  ASSERT_EQ(index.size(), 3u);
  // The losses are the largest of the tables of predictions.
  std::vector<double> losses;
  for (const char* name : {"a/fold_0/preds_val.csv", "a/fold_1/preds_val.csv"}) {
    const CsvTable said = read_csv(folder / name);
    for (std::size_t i = 0; i < said.size(); ++i)
      losses.push_back(-std::log(number(said, i, "prob_" + cell(said, i, "label"))));
  }
  std::sort(losses.rbegin(), losses.rend());
  const TensorFile maps = read_safetensors(folder / "out" / "maps.safetensors");
  for (std::size_t i = 0; i < index.size(); ++i) {
    EXPECT_NEAR(number(index, i, "loss"), losses[i], 1e-12);
    EXPECT_EQ(cell(index, i, "layer"), "blocks.2.1");
    EXPECT_EQ(cell(index, i, "class"), cell(index, i, "predicted"));
    EXPECT_LE(std::abs(number(index, i, "correlation_stem")), 1);
    const std::string id = cell(index, i, "sample_id");
    const Tensor cells = maps.at(id + "/cells").to_float(), pixels = maps.at(id + "/pixels").to_float();
    EXPECT_EQ(cells.shape(), (Shape{4, 4}));
    EXPECT_EQ(pixels.shape(), (Shape{32, 32}));
    EXPECT_EQ(*std::ranges::max_element(cells.host()), static_cast<float>(number(index, i, "map_largest")));
    EXPECT_EQ(*std::ranges::max_element(pixels.host()), 1);
    // Four tiles of 32 pixels, six times each, in a row, gaps of 6; the central square of the picture reads back.
    const Photograph picture =
        read_photograph(folder / "out" / cell(index, i, "picture"), {.resize = 390, .crop = 390, .filter = Filter::bilinear});
    EXPECT_EQ(picture.image.height, 390);
    std::set<std::uint8_t> colours(picture.image.rgb.begin(), picture.image.rgb.end());
    EXPECT_GT(colours.size(), 50u);
  }
}

TEST_F(Explain, ThreadsAndACheckpointGiveTheSameBytes) {
  const CsvTable all = [&] {
    run(explain("--samples top-losses:100"));
    return read_csv(folder / "out" / "index.csv");
  }();
  std::string of_fold;  // two samples of the first fold
  for (std::size_t i = 0; i < all.size() && std::ranges::count(of_fold, ',') < 1; ++i) {
    if (cell(all, i, "fold") == "0") of_fold += (of_fold.empty() ? "" : ",") + cell(all, i, "sample_id");
  }
  const std::string how = " --method layercam --class SCLC --samples " + of_fold;
  run(explain(how + " --fold 0 --threads 1", "one"));
  run(explain(how + " --threads 3", "three"));
  run("explain " + path("a/fold_0/best.safetensors") + " --manifest " + path("m/manifest.csv") + " --draws 1 -o " +
      path("model") + how);
  for (const std::string& name : {std::string("maps.safetensors"), "map_" + of_fold.substr(0, of_fold.find(',')) + ".png"}) {
    EXPECT_EQ(file("one/" + name), file("three/" + name)) << name;
    EXPECT_EQ(file("one/" + name), file("model/" + name)) << name;
  }
  EXPECT_EQ(file("one/index.csv"), file("three/index.csv"));
  const CsvTable one = read_csv(folder / "one" / "index.csv"), model = read_csv(folder / "model" / "index.csv");
  ASSERT_EQ(one.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(cell(one, i, "sample_id"), i == 0 ? of_fold.substr(0, of_fold.find(',')) : of_fold.substr(of_fold.find(',') + 1));
    EXPECT_EQ(cell(one, i, "class"), "SCLC");
    for (const char* column : {"label", "predicted", "logit", "correlation_classifier", "correlation_stem"})
      EXPECT_EQ(cell(one, i, column), cell(model, i, column)) << column;
    EXPECT_NEAR(number(one, i, "loss"), number(model, i, "loss"), 1e-6);
  }
}

TEST_F(Explain, TheTestPartWrongOnesAndCoarseLayers) {
  const Outcome test = run(explain("--samples top-losses:9 --part test --layer head"));
  EXPECT_THAT(test.output, HasSubstr("the map of head is 1 x 1, smaller than 4 x 4"));
  EXPECT_THAT(test.output, HasSubstr("has 4 samples; all of them are shown"));
  const CsvTable index = read_csv(folder / "out" / "index.csv");
  ASSERT_EQ(index.size(), 4u) << "each sample once, though two networks predict it";
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(cell(index, i, "correlation_classifier"), "n/a") << "one cell has no ranks";
  const Outcome wrong = vitrine_program(explain("--samples wrong:5 --class true", "wrong"));
  if (wrong.code == 0) {
    const CsvTable rows = read_csv(folder / "wrong" / "index.csv");
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_NE(cell(rows, i, "label"), cell(rows, i, "predicted"));
  } else {
    EXPECT_THAT(wrong.output, HasSubstr("is predicted wrongly"));
  }
}

TEST_F(Explain, WhatIsNoSampleFoldRunOrOptionIsRefused) {
  const CsvTable test = read_csv(folder / "a" / "fold_0" / "preds_test.csv");
  const CsvTable other = read_csv(folder / "a" / "fold_1" / "preds_val.csv");
  expect_refusal(explain("--samples S1_l1_s7"), 2, {"the sample 'S1_l1_s7' is not in", "is it 'S1_l1_s0'?"});
  expect_refusal(explain("--samples " + cell(test, 0, "sample_id")), 2, {"not in the validation part of", "pass --part test"});
  expect_refusal(explain("--fold 0 --samples " + cell(other, 0, "sample_id")), 2, {"of fold 0 of", "leave out --fold"});
  for (const char* words : {"top-losses:0", "top-losses:", "wrong:1001", "top-losses:x", "best:3", "wrong:-1"})
    expect_refusal(explain("--samples " + std::string(words)), 2, {"--samples is '" + std::string(words) + "'"});
  expect_refusal(explain("--samples S1_l1_s0,"), 2, {"--samples has an empty name"});
  expect_refusal(explain("--samples S1_l1_s0,S1_l1_s0"), 2, {"--samples has 'S1_l1_s0' twice"});
  expect_refusal(explain("--fold 2"), 2, {"--fold is 2, expected 0 to 1"});
  expect_refusal(explain("--fold=-1"), 2, {"--fold is -1, expected 0 to 1"});
  expect_refusal(explain("--part train"), 2, {"--part is 'train', expected val or test"});
  expect_refusal(explain("--method gradcma"), 2, {"--method is 'gradcma'", "gradcam"});
  expect_refusal(explain("--layer haed"), 2, {"the layer 'haed' is none of lite0's", "is it head?"});
  expect_refusal(explain("--class SLCL"), 2, {"--class is 'SLCL'", "SCLC"});
  expect_refusal("explain " + path("a") + " --draws 0 -o " + path("out"), 2, {"--draws is 0, expected 1 to 100"});
  expect_refusal(explain("--manifest " + path("m/manifest.csv")), 2, {"--manifest belongs to a checkpoint"});
  const std::string model = path("a/fold_0/best.safetensors"), to = " -o " + path("out");
  expect_refusal("explain " + model + to, 2, {"pass --manifest"});
  expect_refusal("explain " + model + " --fold 0 --manifest " + path("m/manifest.csv") + to, 2, {"--fold belongs to a run"});
  expect_refusal("explain " + path("none") + to, 3, {"none does not exist"});
  expect_refusal("explain " + path("m") + to, 3, {"is no run: it has no config.json"});
  expect_refusal("explain " + path("m/manifest.csv") + " --manifest " + path("m/manifest.csv") + to, 4, {"manifest.csv"});
  fs::remove_all(folder / "m" / "crops");
  expect_refusal(explain("--samples top-losses:2"), 3, {".safetensors", "does not exist"});
  fs::rename(folder / "a" / "fold_1", folder / "away");
  expect_refusal(explain("--fold 1"), 3, {"fold 1 is not finished"});
  EXPECT_FALSE(fs::exists(folder / "out"));
}

}  // namespace
}  // namespace vitrine::testing
