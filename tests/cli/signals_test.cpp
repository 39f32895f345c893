// Every command that works longer than a moment ends soon after a signal, with the signal's code, and keeps what it finished.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <sstream>

#include "base/csv.h"
#include "base/file.h"
#include "nn/efficientnet/checkpoint.h"
#include "report/png.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "tests/reference_files.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

struct Stopped {
  int code = -1;
  double seconds = 0;  // from the signal to the end
  std::string errors;
};

class Signals : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    EfficientNet net(architecture("lite0"), Semantics{}, 3);
    net.initialize(1);
    write_sealed_safetensors(folder / "net.safetensors", to_tensor_file(net, {}));
    write_file(folder / "photo.png", report::png_bytes({300, 300, 3, std::vector<std::uint8_t>(300 * 300 * 3, 90)}));
    write_crops(folder / "m", {.subjects = 12, .crops = 4, .size = 64});
    ASSERT_EQ(vitrine_program("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2").code, 0);
  }

  // Starts the program, waits, sends the signal.
  Stopped stopped(const std::string& arguments, int signal_number, int after_ms) {
    std::vector<std::string> words{VITRINE_PROGRAM};
    std::istringstream in(arguments);
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string errors = path("errors");
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open("/dev/null", O_WRONLY), 1);
      ::dup2(::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      ::execv(VITRINE_PROGRAM, argv.data());
      ::_exit(127);
    }
    ::usleep(static_cast<useconds_t>(after_ms) * 1000);
    const auto start = Clock::now();
    ::kill(child, signal_number);
    int status = 0;
    ::waitpid(child, &status, 0);
    Stopped s;
    s.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    s.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    s.errors = read_file(errors, 1u << 20);
    return s;
  }

  void expect_stopped(const std::string& arguments, int after_ms = 700) {
    for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
      const Stopped s = stopped(arguments, signal_number, after_ms);
      EXPECT_EQ(s.code, 128 + signal_number) << arguments << "\n" << s.errors;
      EXPECT_LE(s.seconds, 2.0) << arguments;
      EXPECT_THAT(s.errors, HasSubstr("stopped")) << arguments;
      std::printf("%-10.10s signal %2d: %.0f ms\n", arguments.c_str(), signal_number, 1e3 * s.seconds);
    }
  }
};

TEST_F(Signals, PredictionOfManyPhotographsKeepsThoseThatAreDone) {
  std::string images;
  for (int i = 0; i < 3000; ++i) images += " " + path("photo.png");
  const std::string command = "predict --weights " + path("net.safetensors") + " -o " + path("p.csv") + " --images" + images;
  expect_stopped(command);
  const CsvTable done = read_csv(folder / "p.csv");
  EXPECT_GT(done.size(), 0u);
  EXPECT_LT(done.size(), 3u * 3000u);
  EXPECT_EQ(done.size() % 3, 0u);
}

TEST_F(Signals, TrainingGoesOnAfterwards) {
  const std::string more = path("m/manifest.csv") + " --splits " + path("s.json") + " --arch lite0 --epochs 400 -q -o ";
  expect_stopped("train " + more + path("r"));
  expect_stopped("cv " + more + path("c"));
  EXPECT_FALSE(fs::exists(folder / "r" / "fold_0" / ".vitrine-lock"));
}

TEST_F(Signals, BenchesAuditsAndSelfTestsEnd) {
  expect_stopped("bench train --arch b0 --batch 64 --size 224 --seconds 60", 1500);
  expect_stopped("bench infer --arch b0 --batch 16 --size 224 --seconds 60");
  expect_stopped("bench kernels --arch b0 --batch 16 --size 224 --seconds 60");
  expect_stopped("bench experiment --arch lite0 --folder " + path("bench"), 1500);
  expect_stopped("doctor --self-test");
  const fs::path models = find_reference_file("models/timm-b0-64.safetensors");
  if (!models.empty()) expect_stopped("audit parity " + models.parent_path().parent_path().string(), 300);
}

TEST_F(Signals, APipeWithoutAReaderIsLeft) {
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  expect_stopped("predict --weights " + path("net.safetensors") + " -o " + path("fifo") + " --images " + path("photo.png"));
}

TEST_F(Signals, ASecondSignalEndsAtOnceAndNohupIsObeyed) {
  const std::string train =
      VITRINE_PROGRAM " train " + path("m/manifest.csv") + " --splits " + path("s.json") + " --arch lite0 -q -o " + path("n");
  // Started with SIGHUP ignored, it goes on to its end.
  EXPECT_EQ(shell("trap '' HUP; " + train + " --epochs 3 & child=$!; sleep 0.4; kill -HUP $child; wait $child").code, 0);
  EXPECT_TRUE(fs::exists(folder / "n" / "fold_0" / "fold.json"));
}

}  // namespace
}  // namespace vitrine::testing
