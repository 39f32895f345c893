// `vitrine search` as users meet it: trials that are kept, searches that go on, a test part that is not read, slips that are named.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <map>
#include <set>
#include <sstream>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SearchProgram : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m", {.subjects = 10});
    const Outcome split =
        vitrine_program("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    ASSERT_EQ(split.code, 0) << split.output;
  }

  std::string search(const std::string& space, const std::string& output, const std::string& more = "") {
    write_file(folder / "space.toml", space);
    return "search " + path("space.toml") + " " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " +
           path(output) + " --mixup 0 --no-augmentation --save-seconds 0 --threads 1 -q " + more;
  }
  void run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    ASSERT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
  }
  std::string bytes(const std::string& name) const { return read_file(folder / name, 1u << 28); }

  // Name and content of every file below a folder.
  std::map<std::string, std::string> files(const std::string& name) const {
    std::map<std::string, std::string> all;
    for (const fs::path& p : entries_of(folder / name, true)) {
      if (!is_folder(p)) all[p.lexically_relative(folder / name).string()] = sha256_of_file(p, 1u << 28);
    }
    return all;
  }
  std::set<std::string> test_subjects() const {
    const Json json = parse_json(read_file(folder / "s.json", 1u << 20));
    const std::vector<std::string> names = texts_in(json, "test");
    return {names.begin(), names.end()};
  }

  // Starts the program and ends it with a signal after some milliseconds. False when it had ended before.
  bool killed_after(const std::string& arguments, int signal_number, int ms) {
    std::vector<std::string> words{VITRINE_PROGRAM};
    std::istringstream in(arguments);
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open("/dev/null", O_WRONLY), 1);
      ::dup2(::open("/dev/null", O_WRONLY), 2);
      ::execv(VITRINE_PROGRAM, argv.data());
      ::_exit(127);
    }
    ::usleep(static_cast<useconds_t>(ms) * 1000);
    ::kill(child, signal_number);
    int status = 0;
    ::waitpid(child, &status, 0);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

  const std::string kTwo = "lr = [1e-3, 1e-2]\narch = [\"lite0\"]\nepochs = [1]\n[search]\nmetric = \"loss\"\n";
};

// A choice of the epoch is an option like others; the second training counts among the images that were visited.
TEST_F(SearchProgram, TrialsMayBeTrainedTwice) {
  write_crops(folder / "m", {.subjects = 16});
  run("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
  run(search("select = [\"nested\", \"nested-refit\"]\narch = [\"lite0\"]\nepochs = [1]\n", "o"));
  const CsvTable trials = read_csv(folder / "o" / "trials.csv");
  ASSERT_EQ(trials.size(), 2u);
  const auto visits = [&](std::size_t i) { return std::stoi(std::string(trials[i][trials.column("image_visits")])); };
  EXPECT_GT(visits(1), 2 * visits(0)) << "twice as many epochs, the second time with the inner part";
  EXPECT_TRUE(fs::exists(folder / "o/trials/0002/fold_0/refit.csv"));
  EXPECT_FALSE(fs::exists(folder / "o/trials/0001/fold_0/refit.csv"));
  EXPECT_EQ(
      vitrine_program(search("select = [\"nested\", \"nested-refit\"]\narch = [\"lite0\"]\nepochs = [1]\n", "o", "--final"))
          .code,
      0);
}

TEST_F(SearchProgram, EveryTrialIsKeptAndTheWinnerIsEvaluatedOnceAsked) {
  run(search(kTwo, "o"));
  const CsvTable trials = read_csv(folder / "o" / "trials.csv");
  ASSERT_EQ(trials.size(), 2u);
  EXPECT_EQ(trials.header, (std::vector<std::string>{"trial", "rung", "epochs", "lr", "arch", "score", "sd", "folds", "fold_0",
                                                     "fold_1", "image_visits", "state", "reason"}));
  EXPECT_EQ(trials[1][trials.column("lr")], "0.01");
  EXPECT_EQ(trials[1][trials.column("folds")], "2");
  EXPECT_EQ(trials[0][trials.column("image_visits")], "8") << "four subjects of two classes in each fold's training part";
  EXPECT_EQ(trials[0][trials.column("state")], "done");
  for (const char* trial : {"0001", "0002"}) EXPECT_TRUE(fs::exists(folder / "o/trials" / trial / "summary.json"));
  EXPECT_THAT(bytes("o/search.html"), HasSubstr("trial <b>"));
  EXPECT_FALSE(fs::exists(folder / "o/final"));
  // The same call again trains nothing and changes nothing; with --final the winner meets the test part.
  const auto before = files("o");
  const auto written = fs::last_write_time(folder / "o/trials/0001/fold_0/best.safetensors");
  run(search(kTwo, "o"));
  EXPECT_EQ(files("o"), before);
  EXPECT_EQ(fs::last_write_time(folder / "o/trials/0001/fold_0/best.safetensors"), written);
  const Outcome final = vitrine_program(search(kTwo, "o", "--final"));
  EXPECT_EQ(final.code, 0) << final.output;
  for (const char* part : {"validation  accuracy", "test        accuracy", "best of 2 trials", "optimistic"})
    EXPECT_THAT(final.output, HasSubstr(part));
  EXPECT_THAT(final.output, Not(HasSubstr("are not those of the winning trial")));
  EXPECT_EQ(read_csv(folder / "o/final/fold_0/preds_test.csv").size(), 2u);
  EXPECT_THAT(bytes("o/search.html"), HasSubstr("byte for byte"));
  run("report " + path("o/final") + " -o " + path("final.html"));
  const auto with_final = files("o");
  run(search(kTwo, "o", "--final"));
  EXPECT_EQ(files("o"), with_final);
}

TEST_F(SearchProgram, TheTestPartIsNotRead) {
  const std::string space = kTwo + "folds = [1]\n";
  run(search(space, "whole"));
  std::set<std::string> subjects = test_subjects();
  ASSERT_EQ(subjects.size(), 2u);
  for (const Sample& s : read_manifest(folder / "m/manifest.csv").samples) {
    if (!subjects.contains(s.subject_id)) continue;
    if (s.label == "SCLC") {
      fs::remove(folder / "m" / s.file);
    } else {
      write_file(folder / "m" / s.file, "garbage");
    }
  }
  run(search(space, "blind"));
  EXPECT_EQ(files("blind"), files("whole"));
  for (const auto& [name, hash] : files("blind")) {
    if (name.ends_with(".safetensors")) continue;
    for (const std::string& subject : subjects) EXPECT_THAT(bytes("blind/" + name), Not(HasSubstr(subject + "_l1"))) << name;
  }
  EXPECT_EQ(read_csv(folder / "blind/trials/0001/fold_0/preds_test.csv").size(), 0u);
  EXPECT_FALSE(fs::exists(folder / "blind/trials/0001/fold_1")) << "one fold was searched";
  const Outcome final = vitrine_program(search(space, "blind", "--final"));
  EXPECT_EQ(final.code, 3) << "the crops of the test part are read now";
  EXPECT_THAT(final.output, HasSubstr("crops/"));
}

// A trial knows which part of which split it saw: its audit makes steps again, of some folds or all, without and with the test part.
TEST_F(SearchProgram, TheStepsOfATrialAreMadeAgain) {
  run(search(kTwo + "folds = [1]\n", "o", "--audit summary --final"));
  for (const char* trial : {"o/trials/0002", "o/final"}) {
    const Outcome verified = vitrine_program("audit verify " + path(trial) + " --steps 0..0");
    EXPECT_EQ(verified.code, 0) << verified.output;
    EXPECT_THAT(verified.output, HasSubstr("every hash of them"));
    const Outcome origin = vitrine_program("audit lineage " + path(trial) + " --step 0 --slot 0 --pixel 0,20,20");
    EXPECT_EQ(origin.code, 0) << origin.output;
  }
  EXPECT_EQ(vitrine_program("audit leaks " + path("o/trials/0001")).code, 0);
  EXPECT_EQ(vitrine_program("report " + path("o/trials/0001") + " -o " + path("trial.html")).code, 0);
  write_file(folder / "o/trials/0002/source.json",
             R"({"manifest": "../../../m/manifest.csv", "splits": "../../../s.json", "folds": [7], "test": false})");
  const Outcome edited = vitrine_program("audit verify " + path("o/trials/0002") + " --steps 0..0");
  EXPECT_EQ(edited.code, 3);
  EXPECT_THAT(edited.output, HasSubstr("source.json: fold 7 was asked for, the split has the folds 0 to 1"));
}

TEST_F(SearchProgram, ASearchThatWasKilledEndsWithTheSameBytes) {
  const std::string space =
      "lr = [1e-3, 1e-2, 3e-2]\narch = [\"lite0\"]\n[search]\nmetric = \"loss\"\nfolds = [0]\nhalving = true\nmin-epochs = 1\n";
  const std::string more = "--epochs 3";
  run(search(space, "whole", more));
  int kills = 0;
  for (const int ms : {60, 200, 350, 500, 700}) {
    const int signal_number = kills % 3 == 0 ? SIGTERM : SIGKILL;
    if (killed_after(search(space, "cut", more), signal_number, ms)) ++kills;
  }
  EXPECT_GE(kills, 2);
  run(search(space, "cut", more));
  EXPECT_EQ(files("cut"), files("whole"));
  const CsvTable trials = read_csv(folder / "cut/trials.csv");
  ASSERT_EQ(trials.size(), 4u);
  EXPECT_EQ(trials[3][trials.column("rung")], "2");
  EXPECT_EQ(trials[3][trials.column("epochs")], "3");
  EXPECT_TRUE(fs::exists(folder / "cut/trials/0001/rung_1/summary.json"));
  EXPECT_THAT(bytes("cut/search.html"), HasSubstr("id=\"rungs\""));
}

TEST_F(SearchProgram, ATrialThatFailsIsRecordedAndTheSearchGoesOn) {
  const std::string space =
      "arch = [\"lite0\"]\nweight-decay = [10, 0]\nepochs = [8]\n[search]\nmetric = \"auc\"\nfolds = [0]\n";
  const Outcome first = vitrine_program(search(space, "o", "--lr 1000 --batch-size 2"));
  EXPECT_EQ(first.code, 0) << first.output;
  EXPECT_THAT(first.output, HasSubstr("trial 1 failed: "));
  EXPECT_THAT(first.output, HasSubstr("best: trial 2"));
  const CsvTable trials = read_csv(folder / "o/trials.csv");
  ASSERT_EQ(trials.size(), 2u);
  EXPECT_EQ(trials[0][trials.column("state")], "failed");
  EXPECT_THAT(std::string(trials[0][trials.column("reason")]), HasSubstr("not finite"));
  EXPECT_THAT(bytes("o/search.html"), HasSubstr("id=\"failed\""));
  EXPECT_EQ(files("o/trials/0001").count("fold_0/last.safetensors"), 0u);
  const auto before = files("o");
  run(search(space, "o", "--lr 1000 --batch-size 2"));
  EXPECT_EQ(files("o"), before);
  std::string failed = bytes("o/trials/0001/failed.json");
  write_file(folder / "o/trials/0001/failed.json", failed.replace(failed.find("reason\": \""), 10, "reason\": \"x"));
  expect_refusal(search(space, "o", "--lr 1000 --batch-size 2"), 3, {"failed.json", "delete it"});
}

TEST_F(SearchProgram, AnotherSearchInTheSameFolderIsRefusedByName) {
  run(search(kTwo, "o"));
  const auto before = files("o");
  expect_refusal(search("lr = [1e-3, 1e-1]\narch = [\"lite0\"]\nepochs = [1]\n[search]\nmetric = \"loss\"\n", "o"), 2,
                 {"holds another search", "option lr = 0.001, 0.01", "option lr = 0.001, 0.1"});
  expect_refusal(search("lr = [1e-3, 1e-2]\narch = [\"lite0\"]\nepochs = [1]\n", "o"), 2,
                 {"search metric = loss", "search metric = accuracy"});
  expect_refusal(search(kTwo, "o", "--dropout 0.5"), 2, {"dropout = 0.2", "dropout = 0.5"});
  EXPECT_EQ(files("o"), before);
  run(
      search("# a comment, and other spaces\nlr = [ 0.001, 0.01 ]\narch = [\"lite0\"]\nepochs = [1]\n[search]\nmetric = "
             "\"loss\"\nmethod = \"grid\"\n",
             "o"));
  fs::remove(folder / "o/search.json");
  expect_refusal(search(kTwo, "o"), 2, {"no search.json of a search"});
  const FolderLock lock(folder / "m");
  expect_refusal(search(kTwo, "m"), 1, {"is in use by process"});
}

TEST_F(SearchProgram, WhatCannotBeSearchedIsRefusedBeforeAFileIsWritten) {
  const std::string lite = "arch = [\"lite0\"]\n";
  expect_refusal(search("arhc = [\"b0\"]\n", "o"), 2, {"space.toml:1", "is it arch?"});
  expect_refusal(search("lr = [1e-3, 1e9]\n", "o"), 2, {"--lr is 1000000000"});
  expect_refusal(search(lite + "lr = [1e-3]\n", "o", "--lr 1e-2"), 2,
                 {"--lr is 0.01 by the command line, and searched by", "space.toml:2"});
  write_file(folder / "run.toml", "lr = 0.5\n");
  expect_refusal(search(lite + "lr = [1e-3]\n", "o", "--config " + path("run.toml")), 2, {"by run.toml:1"});
  expect_refusal(search(lite + "[search]\nfolds = [2]\n", "o"), 2, {"folds of [search] names 2", "0 to 1"});
  expect_refusal(search(lite + "[search]\nhalving = true\nmin-epochs = 9\n", "o", "--epochs 3"), 2,
                 {"min-epochs is 9, more than --epochs, 3"});
  expect_refusal(search("weights = [\"none.pth\"]\n", "o"), 4, {"none.pth does not exist"});
  expect_refusal(search(lite, "s.json"), 1, {"s.json"});
  expect_refusal("search " + path("none.toml") + " -o " + path("o"), 2, {"none.toml does not exist"});
  write_file(folder / "space.toml", lite);
  expect_refusal("search " + path("space.toml") + " -o " + path("o"), 2, {"has no manifest"});
  expect_refusal("search " + path("space.toml") + " " + path("m/manifest.csv") + " -o " + path("o"), 2, {"has no split"});
  expect_refusal("search -o " + path("o"), 2, {"space"});
  EXPECT_FALSE(fs::exists(folder / "o"));
}

TEST_F(SearchProgram, ASpaceMayNameItsInputsAndARecipeGivesWay) {
  write_file(folder / "space.toml", "manifest = \"" + path("m/manifest.csv") + "\"\nsplits = \"" + path("s.json") + "\"\n" +
                                        "arch = [\"lite0\"]\nepochs = [1]\nseed = [1, 2]\n[search]\nfolds = [0]\n");
  run("search " + path("space.toml") + " -o " + path("o") + " --recipe paper --threads 1 -q");
  EXPECT_EQ(read_csv(folder / "o/trials.csv").size(), 2u);
}

TEST_F(SearchProgram, TheSpaceOfThePaperIsAcceptedAndListed) {
  const Outcome dry = vitrine_program("search " VITRINE_SOURCE_DIR "/examples/spaces/paper.toml " + path("m/manifest.csv") +
                                      " --splits " + path("s.json") + " -o " + path("o") + " --dry-run");
  EXPECT_EQ(dry.code, 0) << dry.output;
  EXPECT_THAT(dry.output, HasSubstr("option arch               b0, b1, b2, b3, b4, b5, b6, b7"));
  EXPECT_THAT(dry.output, HasSubstr("trial 60: arch b"));
  EXPECT_THAT(dry.output, Not(HasSubstr("trial 61: ")));
  EXPECT_FALSE(fs::exists(folder / "o"));
  // The page of docs/search.md shows the file as it is.
  const std::string space = read_file(VITRINE_SOURCE_DIR "/examples/spaces/paper.toml", 1u << 20);
  EXPECT_THAT(read_file(VITRINE_SOURCE_DIR "/docs/search.md", 1u << 20), HasSubstr(space.substr(space.find("arch = "))));
}

}  // namespace
}  // namespace vitrine::testing
