// What `vitrine watch` reads and draws: runs made of files as training leaves them, and frames compared with tests/golden/watch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "train/watch/curves.h"
#include "train/watch/dashboard.h"
#include "train/watch/fold_watch.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A history as training makes them: losses that fall, an accuracy that rises, with a wave.
std::vector<EpochRecord> history_of(int epochs) {
  std::vector<EpochRecord> history;
  for (int e = 1; e <= epochs; ++e) {
    const double t = e / 40.0, wave = 0.05 * std::sin(0.9 * e);
    history.push_back({e, 0.75 * std::exp(-t) + 0.1, 0.65 * std::exp(-0.7 * t) + 0.2 + wave, 0.9 - 0.4 * std::exp(-t) - wave,
                       -1, 0.5, 1e-3, 0.9});
  }
  return history;
}

FoldView fold_view(int number, WorkState state, int epochs) {
  FoldView fold;
  fold.name = text("fold_", number);
  fold.state = state;
  fold.history = history_of(epochs);
  double best = 0;
  for (const EpochRecord& e : fold.history) {
    if (e.validation_accuracy <= best) continue;
    best = e.validation_accuracy;
    fold.best_epoch = e.epoch;
  }
  if (state == WorkState::working) {
    fold.seconds_per_epoch = 2.5;
    fold.images_per_second = 181.4;
    fold.silent_seconds = 1;
    fold.holder = "process 4711 on workstation since 2026-11-26T14:02:31Z";
  }
  return fold;
}

RunView run_view(const std::string& inputs, std::vector<FoldView> folds) {
  RunView run;
  run.name = run.inputs = inputs;
  run.arch = "b0";
  run.epochs = 100;
  run.folds = std::move(folds);
  return run;
}

WatchView running() {
  WatchView view;
  view.path = "runs/all";
  view.runs = {run_view("t1c+flair+t2", {fold_view(0, WorkState::finished, 100), fold_view(1, WorkState::working, 41),
                                         fold_view(2, WorkState::waiting, 0)})};
  view.runs[0].state = view.state = WorkState::working;
  return view;
}

WatchView stopped() {
  WatchView view = running();
  FoldView& fold = view.runs[0].folds[1];
  fold.state = view.runs[0].state = view.state = WorkState::stopped;
  fold.holder_ended = true;
  fold.warning = "r/fold_1/last.safetensors cannot be used: it was changed; the state before it is used";
  return view;
}

WatchView study() {
  WatchView view;
  view.path = "out";
  view.stage = "cross-validation";
  view.holder = "process 4711 on workstation since 2026-11-26T14:02:31Z";
  view.state = WorkState::working;
  std::vector<FoldView> all;
  for (int i = 0; i < 5; ++i) all.push_back(fold_view(i, WorkState::finished, 100));
  std::vector<FoldView> some = {fold_view(0, WorkState::finished, 100), fold_view(1, WorkState::working, 7)};
  for (int i = 2; i < 5; ++i) some.push_back(fold_view(i, WorkState::waiting, 0));
  view.runs = {run_view("t1c", all), run_view("flair", some), run_view("t2", {}), run_view("t1c+flair+t2", {})};
  view.runs[0].state = WorkState::finished;
  view.runs[1].state = WorkState::working;
  return view;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// Compares a frame with tests/golden/watch/NAME.txt; VITRINE_REWRITE_GOLDEN=1 writes it anew.
void expect_golden(const std::string& name, const WatchView& view, const FrameOptions& options) {
  const std::vector<std::string> lines = dashboard(view, options);
  for (const std::string& line : lines) {
    EXPECT_LE(columns_of(line), options.columns) << name << ": " << line;
    EXPECT_TRUE(is_utf8(line)) << name;
  }
  const fs::path path = fs::path(VITRINE_SOURCE_DIR) / "tests" / "golden" / "watch" / (name + ".txt");
  if (std::getenv("VITRINE_REWRITE_GOLDEN") != nullptr) write_file(path, joined(lines));
  EXPECT_EQ(joined(lines), read_file(path, 1u << 20)) << name;
}

TEST(GoldenFrames, ARun) {
  for (const std::size_t columns : {40u, 80u, 200u}) expect_golden(text("run-", columns), running(), {.columns = columns});
  expect_golden("run-80-ascii", running(), {.columns = 80, .utf8 = false});
  expect_golden("run-40-ascii", running(), {.columns = 40, .utf8 = false});
}

TEST(GoldenFrames, ARunThatWasKilled) { expect_golden("killed-80", stopped(), {.columns = 80}); }

TEST(GoldenFrames, AStudy) {
  for (const std::size_t columns : {40u, 80u, 200u}) expect_golden(text("study-", columns), study(), {.columns = columns});
}

TEST(Frames, FitEveryWindow) {
  for (const WatchView& view : {running(), stopped(), study()}) {
    for (std::size_t columns = 1; columns <= 130; ++columns) {
      for (const std::size_t rows : {1u, 5u, 12u, 24u, 60u}) {
        const std::vector<std::string> lines = dashboard(view, {.columns = columns, .rows = rows});
        EXPECT_LE(lines.size(), rows);
        for (const std::string& line : lines) ASSERT_LE(columns_of(line), columns) << columns << " columns: " << line;
      }
    }
  }
}

TEST(Frames, ColourIsWhereItIsAsked) {
  EXPECT_EQ(joined(dashboard(running(), {})).find('\033'), std::string::npos);
  EXPECT_THAT(joined(dashboard(running(), {.colour = true})), HasSubstr("\033[1;36min work"));
}

TEST(Frames, ManyFoldsAndHugeHistoriesStayShort) {
  WatchView view = running();
  view.runs[0].epochs = 200'000;
  view.runs[0].folds[1].history = history_of(200'000);
  for (int i = 3; i < 500; ++i) view.runs[0].folds.push_back(fold_view(i, WorkState::waiting, 0));
  const std::vector<std::string> lines = dashboard(view, {.columns = 80, .rows = 24});
  EXPECT_LE(lines.size(), 24u);
  EXPECT_THAT(joined(lines), HasSubstr("and 489 more"));
}

TEST(Frames, NumbersThatAreNoneAreDrawnAsNothing) {
  WatchView view = running();
  for (EpochRecord& e : view.runs[0].folds[1].history)
    e.train_loss = e.epoch % 2 == 0 ? std::nan("") : std::numeric_limits<double>::infinity();
  view.runs[0].folds[1].history.back().validation_loss = 1e300;
  EXPECT_THAT(joined(dashboard(view, {})), HasSubstr("training loss -"));
}

TEST(Frames, TheEtaGoesOverAllThatIsLeft) {
  WatchView view = running();
  // 59 epochs of 2.5 s less the second that has passed, and a hundred of the fold that waits.
  EXPECT_DOUBLE_EQ(eta_seconds(view), 59 * 2.5 - 1 + 100 * 2.5);
  view.runs[0].folds[2] = view.runs[0].folds[1];  // two at a time
  EXPECT_DOUBLE_EQ(eta_seconds(view), 59 * 2.5 - 1);
  EXPECT_LT(eta_seconds(stopped()), 0);
  view = study();
  EXPECT_DOUBLE_EQ(eta_seconds(view), 93 * 2.5 - 1 + 3 * 250 + 2 * 5 * 250);
}

TEST(Curves, AreDrawnInDots) {
  EXPECT_THAT(curve({0, 1}, {.columns = 2, .rows = 1}), ElementsAre("⡠⠊"));
  EXPECT_THAT(curve({0, 1}, {.columns = 4, .rows = 2, .utf8 = false}), ElementsAre("  .'", ".'  "));
  EXPECT_THAT(curve({5, 5, 5}, {.columns = 2, .rows = 1}), ElementsAre("⠤⠤"));
  EXPECT_THAT(curve({}, {.columns = 2, .rows = 1}), ElementsAre("  "));
  EXPECT_THAT(curve({std::nan(""), std::nan("")}, {.columns = 1, .rows = 1}), ElementsAre(" "));
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, 8, true), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({0, 0, 7, 7}, 2, false), "_@");
  EXPECT_EQ(bar(0.5, 4, true), "██░░");
  EXPECT_EQ(bar(0.3125, 2, true), "▋░");
  EXPECT_EQ(bar(0.5, 4, false), "##..");
  EXPECT_EQ(bar(std::nan(""), 2, false), "..");
  EXPECT_EQ(bar(7, 2, false), "##");
}

class RunFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    run = fs::temp_directory_path() / ("vitrine-watch-" + std::to_string(::getpid()));
    fs::remove_all(run);
    fs::create_directories(run / "fold_0");
    write_file(run / "config.json", R"({"arch": "b0", "inputs": "t1c", "epochs": "4", "folds": "3"})");
  }
  void TearDown() override { fs::remove_all(run); }
  void write_epochs(const std::string& rows) {
    write_file(
        run / "fold_0" / kLastEpochs,
        "# inputs t1c\n# epochs 4\nepoch,train_loss,validation_loss,validation_accuracy,lr,momentum,images,seconds\n" + rows);
  }
  FoldView first() { return RunReader(run).read().runs.at(0).folds.at(0); }

  fs::path run;
};

TEST_F(RunFiles, AreReadWhileTheyAreWritten) {
  EXPECT_EQ(RunReader(run).read().state, WorkState::waiting);
  write_epochs(
      "1,0.7,0.6,0.5,0.001,0.9,,\n2,0.6,0.5,0.75,0.001,0.9,20,0.5\n# warning a \x1b[31mred\xff "
      "one\n3,0.5,0.4,0.75,0.001,0.9,20,1.5\n4,0.");
  const FoldView fold = first();
  EXPECT_EQ(fold.state, WorkState::stopped) << "nobody holds it";
  ASSERT_EQ(fold.history.size(), 3u) << "half a row is not read";
  EXPECT_EQ(fold.history[2].validation_loss, 0.4);
  EXPECT_EQ(fold.best_epoch, 2) << "the first of equals";
  EXPECT_EQ(fold.images_per_second, 20);
  EXPECT_EQ(fold.seconds_per_epoch, 1);
  EXPECT_EQ(fold.warning, "a \\x1b[31mred\\xff one");
  EXPECT_EQ(RunReader(run).read().runs[0].folds.size(), 3u);
  write_file(run / "fold_0" / ".vitrine-lock", "process 12 on another-host since 2026-11-26T14:02:31Z");
  EXPECT_EQ(first().state, WorkState::working);
  EXPECT_EQ(first().holder, "process 12 on another-host since 2026-11-26T14:02:31Z");
}

TEST_F(RunFiles, ThatHoldAnythingAreNoError) {
  for (const std::string rows :
       {"", "\n\n\n", "0,1\n", "2,1,1,1,1,1,1,1\n", "1,a,b,c,d,e,f,g\n", "nan,nan\n", ",,,,,,,,,,,,,,,,\n"}) {
    write_epochs(rows);
    EXPECT_LE(first().history.size(), 1u) << rows;
    EXPECT_FALSE(dashboard(RunReader(run).read(), {}).empty());
  }
  write_file(run / "fold_0" / kLastEpochs, std::string("\0\xff\x1b", 3) + std::string(100'000, ','));
  write_file(run / "fold_0" / "fold.json", "{\"best_epoch\": 1");
  write_file(run / "fold_0" / ".vitrine-lock", "process \x1b[2J");
  EXPECT_EQ(first().holder, "process \\x1b[2J");
  EXPECT_EQ(joined(dashboard(RunReader(run).read(), {})).find('\033'), std::string::npos);
  write_file(run / "fold_0" / "fold.json", "{\"best_epoch\": 7}");
  EXPECT_EQ(first().best_epoch, 0) << "there is no such epoch";
  write_file(run / "config.json", "{\"epochs\": \"-4\", \"folds\": \"99999999999\"}");
  EXPECT_EQ(RunReader(run).read().runs[0].folds.size(), 1u);
  write_file(run / "config.json", "[");
  EXPECT_EQ(RunReader(run).read().runs[0].epochs, 0);
  ASSERT_EQ(::mkfifo((run / "fold_1").c_str(), 0600), 0);
  EXPECT_EQ(RunReader(run).read().runs[0].folds.size(), 1u);
}

// The best epoch is the one by the figure that the run chooses by.
TEST_F(RunFiles, AreJudgedByTheRunsOwnFigure) {
  const std::string header =
      "epoch,train_loss,validation_loss,validation_accuracy,validation_auc,validation_f1,lr,momentum,images,seconds\n";
  write_file(run / "fold_0" / kLastEpochs, "# epochs 4\n# monitor auc\n" + header +
                                               "1,0.7,0.6,0.9,n/a,0.5,0.001,0.9,,\n2,0.7,0.6,0.5,0.75,0.5,0.001,0.9,,\n"
                                               "3,0.7,0.6,0.6,0.5,0.5,0.001,0.9,,\n");
  EXPECT_EQ(first().best_epoch, 2);
  EXPECT_THAT(joined(dashboard(RunReader(run).read(), {})), HasSubstr("best auc 0.750 at 2"));
  write_file(run / "config.json", text(R"({"arch": "b0", "inputs": "t1c", "epochs": "4", "folds": "1", "select": ")",
                                       description(Select::nested, Monitor::loss), "\"}"));
  write_file(run / "fold_0" / "history.csv", history_csv(history_of(4)));
  write_file(run / "fold_0" / "fold.json", "{\"best_epoch\": 4}");
  EXPECT_THAT(joined(dashboard(RunReader(run).read(), {})), HasSubstr("best loss "));
}

TEST_F(RunFiles, OfASecondTrainingSayHowFarItIs) {
  write_file(run / "fold_0" / kLastEpochs,
             "# inputs t1c\n# epochs 3\n# refit-after 4\n"
             "epoch,train_loss,validation_loss,validation_accuracy,validation_auc,validation_f1,lr,momentum,images,seconds\n"
             "1,0.7,n/a,n/a,n/a,n/a,0.001,0.9,20,0.5\n2,0.6,n/a,n/a,n/a,n/a,0.001,0.9,20,0.5\n");
  write_file(run / "fold_0" / ".vitrine-lock", "process 12 on another-host since 2026-11-26T14:02:31Z");
  const FoldView fold = first();
  EXPECT_EQ(fold.refit_after, 4);
  EXPECT_EQ(fold.epochs, 3);
  EXPECT_EQ(fold.best_epoch, 0) << "nothing judges it";
  const std::string frame = joined(dashboard(RunReader(run).read(), {}));
  EXPECT_THAT(frame, HasSubstr("2/3  refit"));
  EXPECT_THAT(frame, HasSubstr("refit epoch 2 of 3"));
  EXPECT_EQ(frame.find("validation"), std::string::npos) << frame;
  EXPECT_EQ(frame.find("nan"), std::string::npos) << frame;
}

TEST_F(RunFiles, MayVanishBetweenTwoLooks) {
  write_epochs("1,0.7,0.6,0.5,0.001,0.9,20,0.5\n");
  RunReader reader(run);
  EXPECT_EQ(reader.read().runs[0].folds[0].history.size(), 1u);
  write_epochs("1,0.7,0.6,0.5,0.001,0.9,20,0.5\n2,0.7,0.6,0.5,0.001,0.9,20,0.5\n");
  EXPECT_EQ(reader.read().runs[0].folds[0].history.size(), 2u);
  fs::remove_all(run / "fold_0");
  EXPECT_EQ(reader.read().runs[0].folds[0].state, WorkState::waiting);
  fs::remove_all(run);
  EXPECT_THROW(reader.read(), DataError);
}

TEST_F(RunFiles, AreFinishedWhenAllFoldsAre) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(RunReader(run).read().state, WorkState::waiting) << "between two folds";
    const fs::path fold = run / text("fold_", i);
    fs::create_directories(fold);
    write_file(fold / "history.csv", history_csv(history_of(4)));
    write_file(fold / "fold.json", "{\"best_epoch\": 3}");
  }
  EXPECT_EQ(RunReader(run).read().state, WorkState::working) << "the summary is not there yet";
  write_file(run / "summary.json", "{}");
  EXPECT_EQ(RunReader(run).read().state, WorkState::finished);
  EXPECT_EQ(first().best_epoch, 3);
  // The folder of a fold alone.
  const WatchView one = RunReader(run / "fold_1" / "").read();
  EXPECT_EQ(one.state, WorkState::finished);
  ASSERT_EQ(one.runs.at(0).folds.size(), 1u);
  EXPECT_EQ(one.runs[0].folds[0].name, "fold_1");
  EXPECT_EQ(one.runs[0].epochs, 4);
}

TEST_F(RunFiles, OfAStudyAreItsRuns) {
  const fs::path out = run / "study";
  fs::create_directories(out / "prep" / "subjects");
  write_file(out / "study.json", "{}");
  write_file(out / "prep" / "subjects" / "S1.json", "{}");
  WatchView view = RunReader(out).read();
  EXPECT_EQ(view.stage, "prep");
  const std::string study = read_file(out / "study.json", 1u << 20);
  write_file(out / "study.json", R"({"prepared": true})");  // of crops
  EXPECT_EQ(RunReader(out).read().stage, "split");
  write_file(out / "study.json", study);
  EXPECT_EQ(view.prepared, 1);
  EXPECT_EQ(view.state, WorkState::stopped);
  EXPECT_EQ(view.runs.size(), 4u) << "the paper's inputs";
  write_file(out / "prep" / "manifest.csv", "");
  EXPECT_EQ(RunReader(out).read().stage, "split");
  write_file(out / "splits.json", "{}");
  EXPECT_EQ(RunReader(out).read().stage, "cross-validation");
  fs::create_directories(out / "runs" / "t1c" / "fold_0");
  write_file(out / "runs" / "t1c" / "fold_0" / "fold.json", "{}");
  write_file(out / "runs" / "t1c" / "summary.json", "{}");
  write_file(out / "report.html", "");
  view = RunReader(out).read();
  EXPECT_EQ(view.state, WorkState::finished) << "inputs that the cohort does not have get no run";
  EXPECT_EQ(view.runs.size(), 1u);
  fs::remove_all(out / "runs");
  EXPECT_FALSE(dashboard(RunReader(out).read(), {}).empty()) << "no run is left";
}

TEST_F(RunFiles, ThatAreNoneAreRefused) {
  fs::create_directories(run / "else");
  const auto refusal = [](const fs::path& path) {
    try {
      RunReader(path).read();
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(run / "else"), HasSubstr("is no folder of a run; expected what -o named"));
  EXPECT_THAT(refusal(run / "nowhere"), HasSubstr("does not exist"));
  EXPECT_THAT(refusal(run / "config.json"), HasSubstr("is no folder;"));
}

}  // namespace
}  // namespace vitrine::testing
