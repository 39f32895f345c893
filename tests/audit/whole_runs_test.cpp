// Runs of several folds as an auditor meets them: what was put together of several, taken away, edited, or compared fold by fold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class WholeRuns : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_crops(folder / "m", {.subjects = 10});
    good("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    good(cv("run", "--audit summary"));
  }
  std::string cv(const std::string& output, const std::string& more) {
    return "cv " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path(output) +
           " --arch lite0 --epochs 1 --mixup 0 --no-augmentation --threads 1 -q " + more;
  }
  std::string good(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
    return outcome.output;
  }
  void copy(const char* from, const char* to) {
    fs::remove_all(folder / to);
    fs::copy(folder / from, folder / to, fs::copy_options::recursive);
  }
  int by_script(const char* run) {
    return std::system(("python3 " + std::string(VITRINE_SOURCE_DIR) + "/scripts/verify.py " + path(run) + " > /dev/null 2>&1")
                           .c_str()) >>
           8;
  }
  // What held before the refusal is printed as well.
  void refused(const std::string& command, int code, const std::string& sentence) {
    const Outcome outcome = vitrine_program(command);
    EXPECT_EQ(outcome.code, code) << command << "\n" << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(sentence)) << command;
  }
  // Refused by verify, by verify of steps of the other fold, by the page and by the script.
  void expect_refused(const char* run, const std::string& sentence, bool script = true) {
    refused("audit verify " + path(run), 3, sentence);
    refused("audit verify " + path(run) + " --steps 0..0", 3, sentence);
    refused("audit report " + path(run) + " -o " + path("page.html"), 3, "page.html");
    EXPECT_EQ(by_script(run), script ? 3 : 0) << run;
  }
  void append(const std::string& file, const std::string& bytes) {
    write_file(folder / file, read_file(folder / file, 1u << 28) + bytes);
  }
};

TEST_F(WholeRuns, AreOfOneTrainingAndAsItLeftThem) {
  good("audit verify " + path("run") + " --steps 0..0");
  EXPECT_EQ(by_script("run"), 0);
  good(cv("other", "--audit summary --lr 0.002"));
  copy("run", "mixed");
  for (const char* part : {"fold_1", "audit/fold_1"}) {
    fs::remove_all(folder / "mixed" / part);
    copy((std::string("other/") + part).c_str(), (std::string("mixed/") + part).c_str());
  }
  expect_refused("mixed", "is the audit of a training with other options or data than");
  for (const char* table : {"fold_1/preds_val.csv", "fold_0/history.csv", "fold_1/best.safetensors"}) {
    copy("run", "edited");
    append(std::string("edited/") + table, " ");
    expect_refused("edited", "fold_");
  }
  copy("run", "edited");
  append("edited/config.json", " ");
  expect_refused("edited", "with other options or data");
  copy("run", "one");
  fs::remove_all(folder / "one/fold_1");
  fs::remove_all(folder / "one/audit/fold_1");
  expect_refused("one", "summary.json is of 2 folds", false);
  copy("run", "line");
  append("line/audit/fold_1/steps.jsonl", "x");
  expect_refused("line", "fold_1");
  good("audit verify " + path("line") + " --fold 0");
  const Outcome told = vitrine_program("audit verify " + path("line") + " --json 2> /dev/null");
  EXPECT_THAT(told.output, HasSubstr("\"refused\""));
  for (const char* command :
       {"replay RUN --step 0 --fold 1", "step RUN --at 0 --all --fold 1", "rho RUN", "diff RUN RUN --at 0 --fold 1"}) {
    std::string words = std::string("audit ") + command;
    for (std::size_t at; (at = words.find("RUN")) != std::string::npos;) words.replace(at, 3, path("line"));
    refused(words, 3, "steps.jsonl");
  }
}

TEST_F(WholeRuns, AreComparedFoldByFoldAndWithTheirData) {
  good(cv("same", "--audit summary"));
  const std::string equal = good("audit bisect " + path("run") + " " + path("same"));
  EXPECT_THAT(equal, HasSubstr("fold_0\n"));
  EXPECT_THAT(equal, HasSubstr("fold_1\n"));
  EXPECT_EQ(parse_json(good("audit bisect " + path("run") + " " + path("same") + " --json")).size(), 2u);
  // A validation subject of fold 0 exchanged for one of the test part: its steps are the same, its data are not.
  Json split = parse_json(read_file(folder / "s.json", 1u << 20));
  write_file(folder / "s.json", [&] {
    std::string bytes = read_file(folder / "s.json", 1u << 20);
    const std::string in_test = split["test"][0], subject = [&] {
      for (const Json& s : split["folds"][0]["val"]) {
        if (split["labels"][s.get<std::string>()] == split["labels"][in_test]) return s.get<std::string>();
      }
      return std::string();
    }();
    std::string out;
    for (std::size_t at = 0; at < bytes.size();) {
      const bool one = bytes.compare(at, in_test.size() + 2, "\"" + in_test + "\"") == 0;
      const bool two = bytes.compare(at, subject.size() + 2, "\"" + subject + "\"") == 0;
      if (one || two) {
        out += "\"" + (one ? subject : in_test) + "\"";
        at += (one ? in_test : subject).size() + 2;
      } else {
        out += bytes[at++];
      }
    }
    return out;
  }());
  good(cv("exchanged", "--audit summary"));
  const Json parted = parse_json(good("audit bisect " + path("run") + " " + path("exchanged") + " --json"));
  ASSERT_EQ(parted.size(), 2u);
  EXPECT_THAT(parted[0].at("because").get<std::string>(), HasSubstr("do not have the same data"));
  for (const Json& fold : parted) EXPECT_EQ(fold.at("verdict"), "other inputs") << fold.dump();
  EXPECT_THAT(good("audit diff " + path("run") + " " + path("same") + " --at 0"), HasSubstr("only"));
}

TEST_F(WholeRuns, LoseNoFileOfSomebodyElse) {
  fs::create_directories(folder / "new/audit/fold_0");
  write_file(folder / "new/audit/fold_0/.vitrine-mine", "mine");
  expect_refusal(cv("new", "--audit summary"), 2, {".vitrine-mine: is no file of an audit"});
  fs::remove(folder / "new/audit/fold_0/.vitrine-mine");
  write_file(folder / "new/audit/fold_0/notes.txt", "mine");
  expect_refusal(cv("new", "--audit summary"), 2, {"notes.txt: is no file of an audit"});
  EXPECT_EQ(read_file(folder / "new/audit/fold_0/notes.txt", 100), "mine");
  const std::string manifest = read_file(folder / "m/manifest.csv", 1u << 20);
  expect_refusal("audit report " + path("run") + " -o " + path("m/manifest.csv"), 2, {"manifest.csv"});
  expect_refusal("audit report " + path("run") + " --csv " + path("run/fold_0"), 2, {"is a fold of the run"});
  EXPECT_EQ(read_file(folder / "m/manifest.csv", 1u << 20), manifest);
}

TEST_F(WholeRuns, SayWhatWasTypedWrongly) {
  expect_refusal("audit verify " + path("run") + " --steps ''", 2, {"--steps is ''"});
  expect_refusal("audit replay " + path("run") + " --step ''", 2, {"is no step"});
  expect_refusal("audit replay " + path("run") + " --step 99999999999999999999", 2, {"is no step"});
  expect_refusal("audit verify " + path("run") + " --fold 7", 2, {"--fold is 7"});
  expect_refusal("audit verify " + path("absent"), 3, {"absent does not exist"});
  EXPECT_THAT(good("lr-find " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path("lr") +
                   " --audit full --dry-run"),
              HasSubstr("--audit has no effect here"));
  EXPECT_THAT(good("audit certificate " + path("run") + " -o " + path("c.html")), HasSubstr("c.html"));
  EXPECT_THAT(read_file(folder / "c.html", 1u << 20), HasSubstr("--steps 0..0"));
}

// The steps of a run are what its chain says, also where a whole chain was computed anew after an edit.
TEST_F(WholeRuns, AResealedLossIsFoundByMakingTheStepAgain) {
  copy("run", "resealed");
  const fs::path audit = folder / "resealed/audit/fold_0";
  std::string chain = read_file(audit / "steps.jsonl", 1u << 20);
  const std::size_t at = chain.find("\"loss\":") + 7;
  chain.replace(at, chain.find(',', at) - at, "0.25");
  const std::size_t seal = chain.find(",\"h\":\"");
  chain = chain.substr(0, seal);
  const std::string h = sha256(chain);
  write_file(audit / "steps.jsonl", chain + ",\"h\":\"" + h + "\"}\n");
  Json manifest = parse_json(read_file(audit / "MANIFEST.json", 1u << 20));
  for (Json& file : manifest["files"]) {
    if (file["path"] != "steps.jsonl") continue;
    file["bytes"] = fs::file_size(audit / "steps.jsonl");
    file["sha256"] = sha256_of_file(audit / "steps.jsonl", 1u << 20);
  }
  write_file(audit / "MANIFEST.json", json_text(manifest));
  good("audit verify " + path("resealed"));  // it holds together: only the published head of the chain tells
  refused("audit verify " + path("resealed") + " --steps 0..0", 1, "recorded was 0.25");
  refused("audit replay " + path("resealed") + " --step 0", 1, "recorded was 0.25");
}

TEST_F(WholeRuns, OfAStudyAreNamedAndAllThere) {
  for (const char* inputs : {"st/runs/flair", "st/runs/t1c"}) {
    fs::create_directories(folder / "st/runs");
    copy("run", inputs);
  }
  for (const char* stray : {"st/runs/.DS_Store", "st/runs/t1c/audit/.DS_Store"})
    write_file(folder / stray, "of a file manager");
  good("audit verify " + path("st"));
  EXPECT_EQ(by_script("st"), 0);
  good("audit certificate " + path("st") + " -o " + path("st.html"));
  const std::string page = read_file(folder / "st.html", 1u << 20);
  for (const char* said :
       {"sha256sum RUN/runs/flair/audit/fold_1/MANIFEST.json", "verify RUN/runs/flair --steps", "t1c/fold_0"})
    EXPECT_THAT(page, HasSubstr(said));
  good("audit report " + path("st") + " -o " + path("st.html"));
  EXPECT_THAT(read_file(folder / "st.html", 1u << 24), HasSubstr("vitrine audit replay RUN/runs/t1c --fold 1"));
  fs::remove_all(folder / "st/runs/flair/audit");
  refused("audit verify " + path("st"), 3, "flair has no audit, and other runs of the study have");
  EXPECT_EQ(by_script("st"), 3);
}

TEST_F(WholeRuns, APixelIsThatOfTheBatchThatWasRecorded) {
  const std::string lineage = " --step 0 --slot 1 --pixel 0,9,9";
  EXPECT_THAT(good("audit lineage " + path("run") + lineage), HasSubstr("the batch has the hash that the audit recorded"));
  copy("run", "edited");
  std::string chain = read_file(folder / "edited/audit/fold_0/steps.jsonl", 1u << 20);
  char& digit = chain[chain.find("\"images\":\"") + 10];
  digit = digit == '0' ? '1' : '0';
  chain = chain.substr(0, chain.find(",\"h\":\""));
  write_file(folder / "edited/audit/fold_0/steps.jsonl", chain + ",\"h\":\"" + sha256(chain) + "\"}\n");
  refused("audit lineage " + path("edited") + lineage, 3, "made again they have");
}

}  // namespace
}  // namespace vitrine::testing
