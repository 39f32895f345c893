// What a terminal, a log and a program see of progress.
#include "base/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/growing_file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/terminal.h"
#include "tests/terminal_window.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// What `work` writes into a window of so many columns.
std::string drawn(int columns, const std::function<void()>& work) {
  TerminalWindow window(columns, 24, [&] {
    ::unsetenv("COLUMNS");
    ::setenv("TERM", "xterm", 1);
    work();
  });
  EXPECT_EQ(window.ends(), 0);
  return window.output();
}

// What it writes where standard error is no terminal.
std::string logged(const std::function<void()>& work) {
  ::testing::internal::CaptureStderr();
  work();
  return ::testing::internal::GetCapturedStderr();
}

void some_lines(ProgressMode mode) {
  Progress progress(mode);
  progress.update("epoch 1/3  step 1/2", {.event = "step", .epoch = 1, .epochs = 3, .step = 1, .steps = 2, .loss = 0.5});
  progress.line("epoch 1/3",
                {.event = "epoch", .inputs = "t1c", .fold = 0, .epoch = 1, .epochs = 3, .validation_accuracy = 0.75});
  progress.warn("a scratch\non the glass");
  progress.update("epoch 2/3");
}

TEST(ProgressModes, NamesAreReadAndSlipsAnswered) {
  EXPECT_EQ(progress_mode_from_name("auto"), ProgressMode::automatic);
  EXPECT_EQ(progress_mode_from_name("json"), ProgressMode::json);
  try {
    progress_mode_from_name("jsom");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "--progress is 'jsom', expected auto, bar, plain, json or none; is it json?");
  }
}

TEST(ProgressModes, ATerminalIsRedrawn) {
  // A terminal turns \n into \r\n.
  const std::string expected =
      "epoch 1/3  step 1/2"
      "\r\033[Kepoch 1/3\r\n"
      "vitrine: note: a scratch\\non the glass\r\n"
      "epoch 2/3\r\n";
  EXPECT_EQ(drawn(80, [] { some_lines(ProgressMode::bar); }), expected);
  EXPECT_EQ(drawn(80, [] { some_lines(ProgressMode::automatic); }), expected);
}

TEST(ProgressModes, ALogGetsTheLinesThatStay) {
  const std::string expected = "epoch 1/3\nvitrine: note: a scratch\\non the glass\n";
  EXPECT_EQ(logged([] { some_lines(ProgressMode::automatic); }), expected);
  EXPECT_EQ(logged([] { some_lines(ProgressMode::plain); }), expected);
  EXPECT_EQ(logged([] { some_lines(ProgressMode::none); }), "vitrine: note: a scratch\\non the glass\n");
  EXPECT_EQ(drawn(80, [] { some_lines(ProgressMode::plain); }), "epoch 1/3\r\nvitrine: note: a scratch\\non the glass\r\n");
  EXPECT_EQ(drawn(80,
                  [] {
                    ::setenv("TERM", "dumb", 1);
                    some_lines(ProgressMode::automatic);
                  }),
            "epoch 1/3\r\nvitrine: note: a scratch\\non the glass\r\n");
}

TEST(ProgressModes, ADumbTerminalIsRedrawnWithBlanks) {
  const std::string out = drawn(80, [] {
    ::setenv("TERM", "dumb", 1);
    Progress progress(ProgressMode::bar);
    progress.update("long line");
    progress.update("short");
  });
  EXPECT_EQ(out, "long line\r         \rshort\r\n");
}

TEST(ProgressModes, ALineIsCutToTheWindow) {
  const std::string out = drawn(20, [] { Progress(ProgressMode::bar).update("t1c+flair+t2  fold 1/5  epoch 3/100"); });
  EXPECT_EQ(out, "t1c+flair+t2  fo...\r\n");
  EXPECT_EQ(drawn(4, [] { Progress(ProgressMode::bar).update("t1c+flair"); }), "t1c\r\n");
  EXPECT_EQ(drawn(1, [] { Progress(ProgressMode::bar).update("t1c+flair"); }), "");
  // Wide characters take two columns.
  EXPECT_EQ(drawn(10, [] { Progress(ProgressMode::bar).update("患者患者患者"); }), "患者患...\r\n");
}

TEST(ProgressModes, AWindowThatWasMadeNarrowerIsCleared) {
  TerminalWindow window(60, 24, [] {
    Progress progress(ProgressMode::bar);
    progress.update(std::string(50, 'a'));
    while (terminal_size(STDERR_FILENO).columns == 60) ::usleep(1000);
    progress.update("b");
  });
  ASSERT_TRUE(window.shows(std::string(50, 'a')));
  window.resize(20, 24);
  EXPECT_EQ(window.ends(), 0);
  EXPECT_THAT(window.output(), HasSubstr("a\r\033[2A\033[Jb"));  // 50 letters take three rows of 20
}

TEST(ProgressModes, EachLineOfJsonIsAnObject) {
  const std::string out = logged([] { some_lines(ProgressMode::json); });
  std::vector<Json> events;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    events.push_back(parse_json(out.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0],
            parse_json(R"({"event":"step","text":"epoch 1/3  step 1/2","epoch":1,"epochs":3,"step":1,"steps":2,"loss":0.5})"));
  EXPECT_EQ(
      events[1],
      parse_json(
          R"({"event":"epoch","text":"epoch 1/3","inputs":"t1c","fold":0,"epoch":1,"epochs":3,"validation_accuracy":0.75})"));
  EXPECT_EQ(events[2], parse_json(R"({"event":"warning","text":"a scratch\\non the glass"})"));
  EXPECT_EQ(events[3], parse_json(R"({"event":"note","text":"epoch 2/3"})"));
}

TEST(ProgressModes, JsonHoldsWhatIsKnownAndNoMore) {
  const std::string out = logged([] {
    Progress progress(ProgressMode::json);
    progress.line("\xff\x1b[2J\u202e", {.loss = std::nan(""), .eta_seconds = std::numeric_limits<double>::infinity()});
    progress.line("2 of 4", {.event = "item", .done = 2, .total = 4});
    for (int i = 1; i <= 1000; ++i) progress.update("s", {.event = "step", .step = i});
  });
  const std::size_t second = out.find('\n') + 1;
  EXPECT_EQ(out.substr(0, second), "{\"event\":\"note\",\"text\":\"\\\\xff\\\\x1b[2J\\\\u{202e}\"}\n");
  const Json item = parse_json(out.substr(second, out.find('\n', second) - second));
  EXPECT_GE(item.at("eta_seconds").get<double>(), 0);
  EXPECT_LT(std::count(out.begin(), out.end(), '\n'), 100) << "steps are told ten times a second";
}

TEST(Terminals, SizesAndWords) {
  ::setenv("COLUMNS", "33", 1);
  ::setenv("LINES", "nonsense", 1);
  const int nothing = ::open("/dev/null", O_RDONLY);
  EXPECT_EQ(terminal_size(nothing).columns, 33);
  EXPECT_EQ(terminal_size(nothing).rows, 24);
  ::unsetenv("COLUMNS");
  ::unsetenv("LINES");
  EXPECT_EQ(terminal_size(nothing).columns, 80);
  ::close(nothing);
  EXPECT_EQ(columns_of("a患e\u0301\xff"), 5u);
  EXPECT_EQ(cut_to_columns("abcdefgh", 7), "abcd...");
  EXPECT_EQ(cut_to_columns("abcdefgh", 5), "abcde");
  EXPECT_EQ(cut_to_columns("abc", 0), "");
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) ::unsetenv(name);
  EXPECT_FALSE(environment_says_utf8());
  ::setenv("LANG", "de_DE.utf8", 1);
  EXPECT_TRUE(environment_says_utf8());
  ::setenv("LC_ALL", "C", 1);
  EXPECT_FALSE(environment_says_utf8()) << "LC_ALL wins";
  ::unsetenv("LC_ALL");
}

TEST(GrowingFiles, GrowAndBeginAnew) {
  const fs::path path = fs::temp_directory_path() / ("vitrine-growing-" + std::to_string(::getpid()));
  {
    GrowingFile file(path, "a\n");
    file.append("b\n");
    EXPECT_EQ(read_file(path, 100), "a\nb\n");
  }
  GrowingFile again(path, "c\n");
  EXPECT_EQ(read_file(path, 100), "c\n");
  fs::remove(path);
  EXPECT_THROW(GrowingFile(path / "none", ""), FileError);
}

TEST(Locks, AreSeenWithoutBeingTouched) {
  const fs::path folder = fs::temp_directory_path() / ("vitrine-seen-lock-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  EXPECT_FALSE(lock_holder(folder).has_value());
  {
    const FolderLock lock(folder);
    const auto holder = lock_holder(folder);
    ASSERT_TRUE(holder.has_value());
    EXPECT_THAT(holder->line, HasSubstr("process " + std::to_string(::getpid()) + " on "));
    EXPECT_FALSE(holder->ended);
    EXPECT_THROW(FolderLock second(folder), Error);
  }
  EXPECT_FALSE(lock_holder(folder).has_value());
  // A process that was killed leaves its name behind.
  const pid_t child = ::fork();
  if (child == 0) {
    new FolderLock(folder);
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  const auto left = lock_holder(folder);
  ASSERT_TRUE(left.has_value());
  EXPECT_TRUE(left->ended);
  EXPECT_NO_THROW(FolderLock{folder});
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vitrine::testing
