// `vitrine watch` and --progress as users meet them: in a terminal, in a pipe, of runs at work, finished and killed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "tests/terminal_window.h"
#include "train/watch/event_file.h"
#include "train/watch/fold_watch.h"

namespace vitrine::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Watch : public Program {
 protected:
  void prepare() {
    write_crops(folder / "m", {.subjects = 8, .crops = 2});
    const Outcome split =
        vitrine_program("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    ASSERT_EQ(split.code, 0) << split.output;
  }
  std::vector<std::string> cv_words(const std::string& output, int epochs, const std::string& progress) const {
    return {VITRINE_PROGRAM,
            "cv",
            path("m/manifest.csv"),
            "--splits",
            path("s.json"),
            "-o",
            path(output),
            "--arch",
            "lite0",
            "--epochs",
            std::to_string(epochs),
            "--threads",
            "1",
            "--mixup",
            "0",
            "--progress",
            progress};
  }
  std::string cv(const std::string& output, int epochs, const std::string& progress) const {
    std::string command;
    const std::vector<std::string> words = cv_words(output, epochs, progress);
    for (std::size_t i = 1; i < words.size(); ++i) command += " " + words[i];
    return command;
  }
  // A cross-validation in the background that is killed, at the latest, when the test ends.
  struct Running {
    pid_t process;
    ~Running() { end(SIGKILL); }
    void end(int signal_number) {
      if (process <= 0) return;
      ::kill(process, signal_number);
      ::waitpid(process, nullptr, 0);
      process = -1;
    }
  };
  Running begin_cv(const std::string& output, int epochs) const {
    std::vector<std::string> words = cv_words(output, epochs, "none");
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execv(argv.front(), argv.data());
      ::_exit(127);
    }
    return {child};
  }
  // Until the first fold has some epochs to show.
  void wait_for_epochs(const std::string& output) const {
    const fs::path file = folder / output / "fold_0" / kLastEpochs;
    for (int i = 0; i < 6000; ++i, ::usleep(5000)) {
      if (fs::exists(file) && fs::file_size(file) > 500) return;
    }
    FAIL() << file << " does not grow";
  }
  // Name and content of each file.
  using State = std::map<std::string, std::string>;
  State files_of(const std::string& output) const {
    State state;
    for (const auto& entry : fs::recursive_directory_iterator(folder / output)) {
      if (entry.is_regular_file())
        state[fs::relative(entry.path(), folder / output).string()] = read_file(entry.path(), 1u << 28);
    }
    return state;
  }
  std::vector<std::string> watch_words(const std::string& what) const {
    return {VITRINE_PROGRAM, "watch", path(what), "--every", "0.1"};
  }
};

const std::vector<std::pair<std::string, std::string>> kTerminal{{"TERM", "xterm"}, {"LC_ALL", "C.UTF-8"}};

TEST_F(Watch, BadWordsAreAnswered) {
  expect_refusal("cv m.csv --splits s.json -o r --progress jsn", 2,
                 {"--progress is 'jsn'", "bar, plain, json or none", "is it json?"});
  expect_refusal("cv m.csv --splits s.json -o r --progress bar -q", 2, {"--progress excludes --quiet"});
  expect_refusal("watch " + path("nowhere"), 3, {"does not exist", "expected what -o named", "config.json", "study.json"});
  expect_refusal("watch " + path("."), 3, {"is no folder of a run"});
  write_file(folder / "file", "");
  expect_refusal("watch " + path("file"), 3, {"is no folder;"});
  expect_refusal("watch " + path(".") + " --every 0", 2, {"--every", "0.1"});
  expect_refusal("watch", 2, {"run is required"});
  fs::create_directories(folder / "\x1b[31mred\n");
  expect_refusal("watch '" + path("\x1b[31mred\n") + "'", 3, {"\\x1b[31mred\\n"});
}

TEST_F(Watch, AFinishedFoldThatIsDamagedIsNamed) {
  fs::create_directories(folder / "r/fold_0");
  write_file(folder / "r/config.json", R"({"inputs": "t1c", "arch": "b0", "epochs": "2", "folds": "1"})");
  write_file(folder / "r/fold_0/fold.json", R"({"best_epoch": 1)");
  const Outcome frame = vitrine_program("watch --once --ascii " + path("r"));
  EXPECT_EQ(frame.code, 0) << frame.output;
  EXPECT_NE(frame.output.find("fold.json is damaged"), std::string::npos) << frame.output;
}

TEST_F(Watch, TheHelpOfEveryCommandThatShowsProgressNamesTheModes) {
  if (!has_itk()) GTEST_SKIP() << "built without ITK";
  for (const char* command : {"train", "cv", "study", "demo", "simulate", "mri prep", "mri coregister", "mri brain", "mri bias",
                              "mri normalise", "mri crop", "mri qc", "data scan", "data check", "bench imaging"}) {
    EXPECT_THAT(vitrine_program(std::string(command) + " --help").output, AllOf(HasSubstr("--progress"), HasSubstr("--quiet")))
        << command;
  }
}

TEST_F(Watch, JsonIsParsedLineByLine) {
  prepare();
  const Outcome outcome = shell(std::string("LC_ALL=de_DE.UTF-8 ") + VITRINE_PROGRAM + cv("r", 3, "json") + " 2>&1 >/dev/null");
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  int epochs = 0;
  for (std::size_t at = 0; at < outcome.output.size();) {
    const std::size_t end = outcome.output.find('\n', at);
    const Json event = parse_json(outcome.output.substr(at, end - at));
    at = end + 1;
    if (event.at("event") != "epoch") continue;
    EXPECT_EQ(event.at("fold"), epochs / 3);
    EXPECT_EQ(event.at("epoch"), epochs % 3 + 1);
    EXPECT_EQ(event.at("epochs"), 3);
    EXPECT_EQ(event.at("inputs"), "t1c+flair+t2");
    for (const char* key : {"loss", "validation_loss", "validation_accuracy", "images_per_second", "eta_seconds"})
      EXPECT_TRUE(event.at(key).is_number()) << key;
    ++epochs;
  }
  EXPECT_EQ(epochs, 6);
}

TEST_F(Watch, ABarIsRedrawnInATerminalAndPlainLinesFillALog) {
  prepare();
  TerminalWindow window(60, 24, cv_words("bar", 2, "bar"), kTerminal);
  EXPECT_EQ(window.ends(), 0) << window.output();
  EXPECT_THAT(window.output(), AllOf(HasSubstr("\r\033[K"), HasSubstr("fold 2/2  epoch 2/2  step 1/"), HasSubstr("ETA 0:0")));
  const Outcome plain = vitrine_program(cv("plain", 2, "plain"));
  EXPECT_THAT(plain.output, AllOf(HasSubstr("fold 2/2  epoch 2/2"), Not(HasSubstr("\r")), Not(HasSubstr("step 1/"))));
  EXPECT_EQ(vitrine_program(cv("none", 2, "none")).output.find("epoch"), std::string::npos);
}

TEST_F(Watch, ARunAtWorkIsDrawnUntilItIsFinished) {
  prepare();
  Running run = begin_cv("r", 300);
  wait_for_epochs("r");
  const Outcome once = vitrine_program("watch --once " + path("r"), "LC_ALL=C.UTF-8 COLUMNS=80");
  EXPECT_EQ(once.code, 0);
  EXPECT_THAT(once.output, AllOf(HasSubstr("in work"), HasSubstr("/300"), HasSubstr("process " + std::to_string(run.process)),
                                 HasSubstr("images/s"), HasSubstr("│"), Not(HasSubstr("\033"))));
  EXPECT_THAT(vitrine_program("watch " + path("r"), "LC_ALL=C").output, Not(HasSubstr("│"))) << "a pipe gets one frame";
  EXPECT_THAT(vitrine_program("watch --ascii " + path("r"), "LC_ALL=C.UTF-8").output, Not(HasSubstr("│")));
  EXPECT_EQ(vitrine_program("watch " + path("r/fold_0"), "LC_ALL=C.UTF-8").code, 0);
  TerminalWindow window(80, 24, watch_words("r"), kTerminal);
  ASSERT_TRUE(window.shows("\033[?1049h\033[?25l\033[H"));
  ASSERT_TRUE(window.shows("in work"));
  EXPECT_EQ(window.ends(), 0) << "it ends with the run";
  EXPECT_THAT(window.output().substr(window.output().rfind("\033[?25h\033[?1049l")),
              AllOf(HasSubstr("finished"), HasSubstr("300/300")));
  EXPECT_FALSE(fs::exists(folder / "r" / "fold_0" / kLastEpochs));
}

TEST_F(Watch, CtrlCGivesTheTerminalBackAndLeavesTheRunAlone) {
  prepare();
  Running run = begin_cv("r", 5000);
  wait_for_epochs("r");
  TerminalWindow window(100, 30, watch_words("r"), kTerminal);
  ASSERT_TRUE(window.shows("images/s"));
  window.forget();
  window.type("\x1a");
  ASSERT_TRUE(window.shows("\033[?25h\033[?1049l")) << "Ctrl-Z gives the screen back";
  ASSERT_TRUE(window.stops());
  window.signal(SIGCONT);
  ASSERT_TRUE(window.shows("\033[?1049h\033[?25l"));
  window.resize(50, 20);
  window.forget();
  ASSERT_TRUE(window.shows("validation accuracy  ")) << "the narrow form";
  window.type("\x03");
  EXPECT_EQ(window.ends(), 130) << window.output();
  EXPECT_THAT(window.output(), AllOf(HasSubstr("\033[?25h\033[?1049l"), HasSubstr("the run was not touched")));
  EXPECT_EQ(::kill(run.process, 0), 0);
  TerminalWindow plain(80, 24, watch_words("r"), {{"TERM", "xterm"}, {"LC_ALL", "C"}, {"NO_COLOR", "1"}});
  ASSERT_TRUE(plain.shows("images/s"));
  plain.signal(SIGTERM);
  EXPECT_EQ(plain.ends(), 143);
  for (const std::string sequence : {"\033[1m", "\033[2m", "\033[32m"}) EXPECT_THAT(plain.output(), Not(HasSubstr(sequence)));
  TerminalWindow dumb(80, 24, watch_words("r"), {{"TERM", "dumb"}, {"LC_ALL", "C"}});
  EXPECT_EQ(dumb.ends(), 0) << "one frame";
  EXPECT_THAT(dumb.output(), AllOf(HasSubstr("in work"), Not(HasSubstr("\033"))));
}

TEST_F(Watch, ARunThatWasKilledSaysSoAndGoesOnToTheSameBytes) {
  prepare();
  Running run = begin_cv("r", 100);
  wait_for_epochs("r");
  const std::string process = "process " + std::to_string(run.process);
  run.end(SIGKILL);
  const State before = files_of("r");
  for (const std::string columns : {"40", "80", "200"}) {
    const Outcome frame = vitrine_program("watch --once " + path("r"), "COLUMNS=" + columns);
    EXPECT_EQ(frame.code, 0);
    EXPECT_THAT(frame.output, AllOf(HasSubstr("stopped"), HasSubstr(process), HasSubstr("ended"))) << frame.output;
  }
  EXPECT_EQ(files_of("r"), before) << "who watches writes nothing";
  ASSERT_EQ(vitrine_program(cv("r", 100, "none")).code, 0);
  ASSERT_EQ(vitrine_program(cv("whole", 100, "none")).code, 0);
  EXPECT_EQ(files_of("r"), files_of("whole"));
}

TEST_F(Watch, EventFilesAreTheHistory) {
  prepare();
  ASSERT_EQ(vitrine_program(cv("r", 3, "none") + " --tensorboard").code, 0);
  ASSERT_EQ(vitrine_program(cv("plain", 3, "none")).code, 0);
  for (const char* name : {"fold_0", "fold_1"}) {
    const fs::path fold = folder / "r" / name;
    EXPECT_EQ(read_file(fold / kEventFile, 1u << 20), event_file(read_fold(fold).history));
    fs::remove(fold / kEventFile);
  }
  EXPECT_EQ(files_of("r"), files_of("plain")) << "no other file depends on it";
}

}  // namespace
}  // namespace vitrine::testing
