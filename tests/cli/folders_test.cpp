// Whose folder it is: what a command refuses to take, to set aside, to wait for, and what it says of a run that is not whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <set>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/output.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Folders : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m", {.subjects = 12});
    run("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
  }
  Outcome run(const std::string& command) {
    Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    return outcome;
  }
  std::string bytes(const std::string& name) { return read_file(folder / name, 1u << 24); }
  std::string cv(const std::string& out, const std::string& more = "") const {
    return "cv " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path(out) +
           " --arch lite0 --threads 1 -q --epochs 1 " + more;
  }
  void change_splits(const std::string& out, const std::function<void(Json&)>& change) {
    Json splits = parse_json(bytes("s.json"));
    change(splits);
    write_file(folder / out, splits.dump());
  }
};

TEST_F(Folders, InUseAreNotSetAside) {
  run(cv("r"));
  const std::string config = bytes("r/config.json");
  {
    const FolderLock held(folder / "r" / "fold_1");
    expect_refusal(cv("r", "--seed 2 --force-new"), 1, {"r/fold_1", "in use by process"});
  }
  EXPECT_FALSE(fs::exists(folder / "r.old-1"));
  EXPECT_EQ(bytes("r/config.json"), config);
  run(cv("r", "--seed 2 --force-new"));
  EXPECT_EQ(bytes("r.old-1/config.json"), config);
}

TEST_F(Folders, BehindALinkAreSetAsideWhereTheyLie) {
  fs::create_directory(folder / "disk");
  fs::create_directory_symlink(folder / "disk", folder / "r");
  run(cv("r"));
  run(cv("r", "--seed 2 --force-new"));
  EXPECT_TRUE(fs::is_symlink(folder / "r"));
  EXPECT_TRUE(fs::exists(folder / "disk.old-1" / "config.json"));
  EXPECT_THAT(bytes("disk/config.json"), HasSubstr("\"seed\": \"2\""));
}

TEST_F(Folders, OfOtherKindsAreRefused) {
  run(cv("r"));
  write_file(folder / "m" / "study.json", "{}");
  expect_refusal(cv("m"), 2, {"folder of a study", "choose another folder"});
  fs::create_directory(folder / "se");
  write_file(folder / "se" / "search.json", "{}");
  expect_refusal(cv("se"), 2, {"folder of a search"});
  fs::remove(folder / "r" / "summary.json");
  ASSERT_EQ(::mkfifo((folder / "r" / "summary.json").c_str(), 0600), 0);
  expect_refusal(cv("r"), 3, {"summary.json", "pipe"});
}

TEST_F(Folders, OfPartsThatCannotTrainAreRefusedBeforeTheFirstFold) {
  change_splits("all-inner.json", [](Json& s) { s["folds"][1]["inner"] = s["folds"][1]["train"]; });
  const std::string data = "cv " + path("m/manifest.csv") + " -o " + path("r") + " --arch lite0 -q --epochs 1 --splits ";
  expect_refusal(data + path("all-inner.json") + " --select nested", 3, {"fold 1", "train on no subject of the class"});
  change_splits("one-class.json", [](Json& s) {
    const auto first = s["folds"][1]["inner"][0];
    s["folds"][1]["inner"] = Json::array({first});
  });
  expect_refusal(data + path("one-class.json") + " --select nested --monitor auc", 3, {"inner part of fold 1", "one class"});
  expect_refusal(cv("r", "--inputs t1c --control swapped-channels"), 2, {"swapped-channels", "t1c"});
  EXPECT_FALSE(fs::exists(folder / "r"));
}

TEST_F(Folders, OfHalfARunKeepTheNumbersOfTheirFolds) {
  const std::string train = cv("r", "--fold 1");
  const Outcome one = run("train" + train.substr(2));
  EXPECT_THAT(one.output, HasSubstr("(n = 1)"));
  EXPECT_THAT(one.output, Not(HasSubstr("+-")));
  const Outcome said = run("eval " + path("r") + " -o " + path("e"));
  EXPECT_THAT(said.output, HasSubstr("1 of 2 folds"));
  const CsvTable metrics = read_csv(folder / "e" / "metrics.csv");
  const std::size_t fold = metrics.column("fold");
  std::set<std::string> names;
  for (std::size_t i = 0; i < metrics.size(); ++i) names.insert(std::string(metrics[i][fold]));
  EXPECT_THAT(names, ElementsAre("1", "ensemble", "mean", "pooled", "sd"));
  run("report " + path("r") + " -o " + path("r.html") + " --csv " + path("t"));
  const CsvTable history = read_csv(folder / "t" / "history.csv");
  EXPECT_EQ(history[0][history.column("fold")], "1");
  fs::create_directory(folder / "st");
  write_file(folder / "st" / "study.json", R"({"prepared": true, "table": "x", "synthetic_note": ""})");
  expect_refusal("eval " + path("st"), 3, {"is a study", "t1c+flair+t2"});
  expect_refusal("report " + path("st") + " -o " + path("st.html"), 3, {"no fold is trained"});
  write_file(folder / "r" / "config.json", "{");
  expect_refusal("eval " + path("r"), 3, {"config.json", "JSON"});
}

TEST_F(Folders, OfControlsAreReadOnlyAsTheyAreWritten) {
  run(cv("r"));
  fs::create_directory(folder / "r" / "controls");
  const std::string header =
      "group,name,what,seed,validation_auc,validation_low,validation_high,test_auc,test_low,test_high,difference,"
      "difference_low,difference_high\n";
  const auto report_of = [&](const std::string& rows) {
    write_file(folder / "r" / "controls" / "controls.csv", header + rows);
    return "report " + path("r") + " -o " + path("r.html");
  };
  const std::string good = "seeds,seed-43,seed 43,43,0.5,0.2,0.8,n/a,n/a,n/a,0.1,-0.1,0.2\n";
  run(report_of(good));
  for (const auto& [row, why] : std::vector<std::pair<std::string, std::string>>{
           {"seeds,a,b,43,7,0.2,0.8,n/a,n/a,n/a,0.1,-0.1,0.2\n", "expected 0 to 1"},
           {"seeds,a,b,43,nan,0.2,0.8,n/a,n/a,n/a,0.1,-0.1,0.2\n", "expected 0 to 1"},
           {"seeds,a,b,43,0.5,0.9,0.8,n/a,n/a,n/a,0.1,-0.1,0.2\n", "ends below where it begins"},
           {"seeds,a,b,43,0.5,0.2,0.8,n/a,n/a,n/a,inf,-0.1,0.2\n", "expected -1 to 1"},
           {"zzz,a,b,43,0.5,0.2,0.8,n/a,n/a,n/a,0.1,-0.1,0.2\n", "no group"},
           {good, "twice"}})
    expect_refusal(report_of(good + row), 3, {"controls.csv", why});
}

}  // namespace
}  // namespace vitrine::testing
