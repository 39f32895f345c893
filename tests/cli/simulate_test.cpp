// `vitrine simulate`: presets, difficulties, and crops that the other commands take as they are.
#include <gmock/gmock.h>

#include "base/file.h"
#include "base/json.h"
#include "data/manifest.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSmall = " --anatomy procedural --t1c-spacing 3.5 --in-plane 3 -q ";

class Simulate : public Program {
 protected:
  void run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    ASSERT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
  }
  Json simulation(const std::string& name) const { return parse_json(read_file(folder / name / "simulation.json", 1u << 20)); }
};

TEST_F(Simulate, CropsAreSplitAndTrainedOn) {
  run("simulate -o " + path("crops") + " --crops --patients 6 --sclc 3 --lesions 4:3" + kSmall);
  const Manifest manifest = read_manifest(folder / "crops" / "manifest.csv");
  EXPECT_EQ(manifest.subjects().size(), 6u);
  EXPECT_EQ(manifest.samples.size(), 21u);  // three slices of seven lesions
  run("split " + path("crops/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.3");
  for (const char* inputs : {"t1c+flair+t2", "flair"})
    run("cv " + path("crops/manifest.csv") + " --splits " + path("s.json") + " -o " + path(std::string("run-") + inputs) +
        " --inputs " + inputs + " --arch lite0 --epochs 1 --threads 1 -q");
}

TEST_F(Simulate, APresetNamesValuesAndOptionsBesideItWin) {
  run("simulate -o " + path("p") + " --crops --preset paper --patients 2 --sites 0 --difficulty 0.9 --difficulty-level lesion" +
      std::string(kSmall));
  const Json found = simulation("p");
  EXPECT_EQ(found.at("preset").at("name"), "paper");
  EXPECT_EQ(found.at("preset").at("chose").at("sclc"), "1");
  EXPECT_FALSE(found.at("preset").at("chose").contains("patients"));
  EXPECT_FALSE(found.at("preset").at("chose").contains("sites"));
  EXPECT_EQ(found.at("patients"), 2);
  EXPECT_EQ(found.at("lesions").at("nsclc"), 1);
  EXPECT_EQ(found.at("lesions").at("sclc"), 2);
  EXPECT_EQ(found.at("difficulty").at("level"), "lesion");
  EXPECT_NEAR(found.at("oracle").at("population").at("lesion").at("t1c+flair+t2").get<double>(), 0.9, 0.001);
  EXPECT_NEAR(found.at("signal").get<double>(), 0.2728, 0.002);
}

TEST_F(Simulate, AScannerThatTellsTheClassIsRecorded) {
  run("simulate -o " + path("p") + " --crops --preset paper --patients 4 --sites 2 --kappa 1 --signal 0" + kSmall);
  const Json oracle = simulation("p").at("oracle");
  EXPECT_EQ(oracle.at("site").at("population"), 1.0);
  EXPECT_EQ(oracle.at("site").at("cohort"), 1.0);
  EXPECT_EQ(oracle.at("population").at("subject").at("t1c+flair+t2"), 0.5);
}

TEST_F(Simulate, TheTableIsPrintedWithoutAFolder) {
  const Outcome table = vitrine_program("simulate --oracle-table --preset paper");
  EXPECT_EQ(table.code, 0);
  EXPECT_THAT(table.output, HasSubstr("| 0.35 | 0.935 | 0.941 | 0.950 | 0.962 | 0.966 | 0.972 |"));
  EXPECT_THAT(table.output, HasSubstr("| 0.95 | 0.3502 | 0.2986 |"));
}

TEST_F(Simulate, RefusesBeforeTheFirstFile) {
  const std::string to = "simulate -o " + path("none") + " ";
  expect_refusal("simulate", 2, {"--output is required"});
  expect_refusal(to + "--preset papr", 2, {"--preset is 'papr', expected paper"});
  expect_refusal(to + "--difficulty 0.9 --signal 1", 2, {"--difficulty chooses --signal"});
  for (const char* auc : {"0.49", "1", "-1", "nan"})
    expect_refusal(to + "--difficulty " + auc, 2, {"--difficulty is ", "from 0.5 to below 1"});
  expect_refusal(to + "--difficulty-level lesion", 2, {"give --difficulty"});
  expect_refusal(to + "--difficulty 0.9 --difficulty-level pixel", 2, {"expected slice, lesion or subject"});
  expect_refusal(to + "--jobs 0", 2, {"--jobs is 0, expected 1 to 256"});
  expect_refusal(to + "--sclc 12", 2, {"--sclc is 12, expected 1 to 11"});
  for (const char* lesions : {"61", "a:b", "0:9", "61:"})
    expect_refusal(to + "--lesions " + lesions, 2, {"--lesions is '", "61:41"});
  expect_refusal(to + "--lesions 5:9", 2, {"--lesions is 5:9, expected 6 to 24"});
  expect_refusal(to + "--crops --truth", 2, {"--crops makes no volumes", "--truth"});
  expect_refusal(to + "--crops --faults all --patients 40", 2, {"--faults"});
  EXPECT_FALSE(fs::exists(folder / "none"));
}

}  // namespace
}  // namespace vitrine::testing
