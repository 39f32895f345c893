// What stands beside a study's runs: a rate to train with, controls, seeds and open choices, an old folder set aside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/csv.h"
#include "base/file.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

class Beside : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m", {.subjects = 12});
  }
  Outcome run(const std::string& command) {
    Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    return outcome;
  }
  std::string bytes(const std::string& name) { return read_file(folder / name, 1u << 24); }
  std::string split() {
    run("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    return path("m/manifest.csv") + " --splits " + path("s.json");
  }
};

TEST_F(Beside, LrFindLeavesACurveAndNothingElse) {
  const std::string data = split(), options = " --arch lite0 -q --batch-size 4";
  const Outcome found = run("lr-find " + data + " -o " + path("lr") + options + " --steps 20 --start 1e-6 --end 1 --threads 1");
  EXPECT_THAT(found.output, HasSubstr("valley"));
  const CsvTable curve = read_csv(folder / "lr" / "lr_find.csv");
  EXPECT_GE(curve.size(), 10u);
  EXPECT_THAT(bytes("lr/lr_find.svg"), HasSubstr("<svg"));
  const std::string before = bytes("lr/lr_find.csv");
  run("lr-find " + data + " -o " + path("lr") + options + " --steps 20 --start 1e-6 --end 1 --threads 3");
  EXPECT_EQ(bytes("lr/lr_find.csv"), before);
  expect_refusal("lr-find " + data + " -o " + path("no") + options + " --start 20", 2, {"--start", "start < end"});
  expect_refusal("lr-find " + data + " -o " + path("no") + options + " --fold 2", 2, {"--fold is 2", "0 to 1"});
  EXPECT_FALSE(fs::exists(folder / "no"));
}

TEST_F(Beside, AnOldRunIsSetAsideAndNotLost) {
  const std::string cv = "cv " + split() + " -o " + path("r") + " --arch lite0 --threads 1 -q --epochs 1 ";
  run(cv + "--seed 1");
  const std::string old = bytes("r/config.json");
  expect_refusal(cv + "--seed 2", 2, {"other settings", "seed", "--force-new"});
  run(cv + "--seed 2 --force-new");
  EXPECT_EQ(bytes("r.old-1/config.json"), old);
  EXPECT_THAT(bytes("r/config.json"), HasSubstr("\"seed\": \"2\""));
  run(cv + "--seed 3 --force-new");
  EXPECT_TRUE(fs::exists(folder / "r.old-2"));
  // What is not a run's is not moved, nor what the command reads.
  expect_refusal("cv " + split() + " -o " + path("m") + " --arch lite0 --epochs 1 --force-new", 2, {"m"});
  EXPECT_TRUE(fs::exists(folder / "m" / "manifest.csv"));
}

TEST_F(Beside, EveryRecipeTrains) {
  const std::string data = split();
  for (const char* recipe : {"fastai-v1", "fastai-v2", "plain"}) {
    run("cv " + data + " -o " + path(recipe) + " --recipe " + recipe + " --arch lite0 --threads 1 -q --epochs 1");
    EXPECT_THAT(bytes(std::string(recipe) + "/config.json"), HasSubstr("\"select\""));
  }
  EXPECT_THAT(bytes("fastai-v1/config.json"), HasSubstr("\"head\": \"concat-pool\""));
  // A network with fast.ai's head is one that others can use: predicted with, exported.
  run("export --weights " + path("fastai-v1/fold_0/best.safetensors") + " --format onnx -o " + path("n.onnx"));
  run("weights info " + path("fastai-v1/fold_0/best.safetensors"));
  expect_refusal("cv " + data + " -o " + path("no") + " --arch lite0 --epochs 1 --unfreeze-at 1", 2,
                 {"--unfreeze-at", "--freeze"});
  expect_refusal("cv " + data + " -o " + path("no") + " --arch lite0 --epochs 1 --freeze stem --unfreeze-at 2", 2,
                 {"beyond the last"});
  expect_refusal("cv " + data + " -o " + path("no") + " --schedule one-cicle-v1", 2, {"is it one-cycle-v1?"});
  expect_refusal("cv " + data + " -o " + path("no") + " --recipe fastai-v3", 2, {"fastai-v"});
  EXPECT_FALSE(fs::exists(folder / "no"));
}

TEST_F(Beside, ControlsOfAStudyOfPreparedCrops) {
  if (!has_itk()) GTEST_SKIP() << "built without ITK";
  const std::string options = " --arch lite0 --epochs 1 --folds 2 --test-fraction 0.2 --threads 1 -q";
  ASSERT_EQ(run("study " + path("m/manifest.csv") + " -o " + path("s") + options).code, 0);
  EXPECT_TRUE(fs::exists(folder / "s" / "report.html"));
  EXPECT_FALSE(fs::exists(folder / "s" / "prep"));
  const Outcome list = run("controls " + path("s") + " --list --seeds 2");
  for (const char* row :
       {"seed-43", "permuted-labels-2", "background", "swapped-channels", "schedule-flat", "head-concat-pool"})
    EXPECT_THAT(list.output, HasSubstr(row));
  run("controls " + path("s") + " --rows controls --seeds 1 --threads 1 -q");
  const std::string table = bytes("s/controls/controls.csv");
  EXPECT_EQ(read_csv(folder / "s" / "controls" / "controls.csv").size(),
            4u);  // the study, a deal of labels, background, channels
  for (const char* control : {"Permuted labels: ", "Background: ", "Swapped channels: "})
    EXPECT_THAT(bytes("s/controls/verdicts.txt"), HasSubstr(control))
        << "every control has its sentence, also without an interval";
  run("controls " + path("s") + " --rows controls --seeds 1 --threads 2 -q");
  EXPECT_EQ(bytes("s/controls/controls.csv"), table);
  expect_refusal("controls " + path("s") + " --rows seed", 2, {"--rows", "seeds"});
  expect_refusal("controls " + path("s") + " --seeds 0", 2, {"--seeds is 0"});
  expect_refusal("controls " + path("m"), 3, {"holds no study"});
}

}  // namespace
}  // namespace vitrine::testing
