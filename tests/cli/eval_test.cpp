// `vitrine eval`: what it prints and writes of finished runs, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/number.h"
#include "evaluation/calibration.h"
#include "evaluation/metrics.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "train/cross_validation.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Eval : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m", {.subjects = 8, .crops = 2});
    split("s.json", "");
    cv("a", "s.json", "");
  }
  void split(const std::string& name, const std::string& more) {
    run("split " + path("m/manifest.csv") + " -o " + path(name) + " --folds 2 --test-fraction 0.2 " + more);
  }
  void cv(const std::string& name, const std::string& splits, const std::string& more) {
    run("cv " + path("m/manifest.csv") + " --splits " + path(splits) + " -o " + path(name) +
        " --arch lite0 --mixup 0 --no-augmentation --threads 1 -q --epochs 1 " + more);
  }
  Outcome run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    return outcome;
  }
  std::string eval(const std::string& more) const { return "eval " + path("a") + " --replicates 100 " + more; }
  std::string file(const std::string& name) const { return read_file(folder / name, 1u << 22); }
};

TEST_F(Eval, PrintsEveryLevelAndWritesTablesThatFollowFromThePredictions) {
  const Outcome printed = run(eval("-o " + path("figures")));
  for (const char* part :
       {"a, validation, 12 slices of 6 subjects: units of 2 folds together", "a, validation, 6 lesions of 6 subjects",
        "a, validation, 6 subjects: ", "a, test, 4 slices of 2 subjects: ensemble of 2 folds", "a, test, 2 subjects",
        "positive class SCLC; threshold", "thresholds, each chosen on the other folds", "AUC by DeLong",
        "[a class has 1 unit, two are needed]", "precision, NSCLC", "intervals: 100 replicates of subjects, seed 42"})
    EXPECT_THAT(printed.output, HasSubstr(part));
  EXPECT_THAT(printed.output, Not(HasSubstr("differences of AUCs")));
  EXPECT_FALSE(fs::exists(folder / "figures" / "differences.csv"));
  // The Brier score and the AUC of the pooled validation slices, from the tables of predictions.
  const RunResult result = read_run(folder / "a");
  std::vector<int> is_positive;
  std::vector<double> score;
  double brier = 0;
  for (const FoldFiles& fold : result.folds) {
    for (const Prediction& p : fold.validation) {
      is_positive.push_back(p.label);
      score.push_back(p.probability[1]);
      brier += (p.probability[1] - p.label) * (p.probability[1] - p.label) / 12;
    }
  }
  const CsvTable table = read_csv(folder / "figures" / "metrics.csv");
  int found = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto cell = [&](std::string_view column) { return std::string(table[i][table.column(column)]); };
    EXPECT_EQ(cell("run"), "a");
    if (cell("part") != "validation" || cell("level") != "slice" || cell("fold") != "pooled") continue;
    double value = 0;
    if (cell("figure") == "auc" && parse_number(cell("value"), value)) {
      ++found;
      EXPECT_NEAR(value, *roc_auc(is_positive, score), 1e-12);
    }
    if (cell("figure") == "brier" && parse_number(cell("value"), value)) {
      ++found;
      EXPECT_NEAR(value, brier, 1e-12);
    }
  }
  EXPECT_EQ(found, 2);
  for (const char* name : {"roc.csv", "pr.csv", "calibration.csv", "confusion.csv"})
    EXPECT_GT(read_csv(folder / "figures" / name).size(), 8u) << name;
}

TEST_F(Eval, ThreadsAndPlaceChangeNoByte) {
  run(eval("-o " + path("one") + " --threads 1"));
  run(eval("-o " + path("three") + " --threads 3"));
  run(eval("-o " + path("seed") + " --seed 7"));
  run(eval("-o " + path("a") + " --split val --level subject"));  // beside the run's own files
  for (const char* name : {"metrics.csv", "roc.csv", "pr.csv", "calibration.csv", "confusion.csv"})
    EXPECT_EQ(file(std::string("one/") + name), file(std::string("three/") + name)) << name;
  EXPECT_NE(file("one/metrics.csv"), file("seed/metrics.csv"));
  EXPECT_THAT(file("a/metrics.csv"), Not(HasSubstr(",test,")));
  EXPECT_THAT(file("a/metrics.csv"), Not(HasSubstr(",slice,")));
  run(eval(""));  // the run is still whole
}

TEST_F(Eval, TwoRunsOfOneSplitAreCompared) {
  cv("b", "s.json", "--inputs flair");
  const Outcome printed =
      run("eval " + path("a") + " " + path("b") + " --replicates 100 --split val --level subject,slice -o " + path("figures"));
  for (const char* part :
       {"differences of AUCs", "a - b, validation, 6 subjects", "the slices of a subject are not independent", "bootstrap"})
    EXPECT_THAT(printed.output, HasSubstr(part));
  const CsvTable table = read_csv(folder / "figures" / "differences.csv");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[0][table.column("level")], "subject") << "in the order asked for";
  EXPECT_EQ(table[0][table.column("subjects")], "6");
  split("other.json", "--split-seed 7");
  cv("c", "other.json", "");
  expect_refusal("eval " + path("a") + " " + path("c") + " -o " + path("none"), 3,
                 {"is of another split than", "split_sha256"});
  expect_refusal("eval " + path("a") + " " + path("a"), 2, {"is named twice"});
  EXPECT_FALSE(fs::exists(folder / "none"));
}

TEST_F(Eval, ASingleFoldIsNoted) {
  fs::rename(folder / "a" / "fold_1", folder / "away");
  const Outcome printed = run(eval("--split val --level subject"));
  EXPECT_THAT(printed.output, HasSubstr("1 of 2 folds are finished"));
  EXPECT_THAT(printed.output, HasSubstr("[one fold leaves no other validation part to choose a threshold on]"));
}

TEST_F(Eval, OptionsAndFoldersThatAreNoneAreRefused) {
  expect_refusal(eval("--split train"), 2, {"--split is 'train'", "val, test or val,test"});
  expect_refusal(eval("--split val,val"), 2, {"--split has 'val' twice"});
  expect_refusal(eval("--level patient"), 2, {"--level is 'patient'", "slice, lesion or subject"});
  expect_refusal(eval("--level slice,"), 2, {"--level is ''"});
  for (const char* value : {"best", "1.5", "nan", "-0.1"})
    expect_refusal(eval("--threshold=" + std::string(value)), 2, {"--threshold", "youden or a number from 0 to 1"});
  for (const char* value : {"99", "100001", "-5"})
    expect_refusal("eval " + path("a") + " --replicates=" + value, 2,
                   {"--replicates is " + std::string(value), "100 to 100000"});
  expect_refusal(eval("--seed=-1"), 2, {"--seed"});
  expect_refusal("eval " + path("none"), 3, {"none", "does not exist"});
  expect_refusal("eval " + path("s.json"), 3, {"s.json is a file, the folder of a run is expected"});
  expect_refusal("eval " + path("m"), 3, {"config.json"});
  expect_refusal(eval("-o " + path("s.json")), 1, {"s.json"});
  write_file(folder / "a" / "fold_0" / "preds_val.csv", "sample_id\n");
  expect_refusal(eval("-o " + path("figures")), 3, {"preds_val.csv", "changed or damaged"});
  EXPECT_FALSE(fs::exists(folder / "figures"));
}

}  // namespace
}  // namespace vitrine::testing
