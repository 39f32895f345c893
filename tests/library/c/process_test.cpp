// What the shared library does to the process that loads it: nothing.
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "tests/library/c/c_interface.h"

namespace vitrine::testing {
namespace {

using CProcess = CInterface;

std::vector<std::string> lines_of(const std::string& command) {
  const Outcome outcome = shell(command);
  EXPECT_EQ(outcome.code, 0) << command << outcome.output;
  std::vector<std::string> lines;
  std::istringstream in(outcome.output);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Names without the version that they have in their library.
std::vector<std::string> names_of(const std::string& options) {
  std::vector<std::string> names;
  for (const std::string& line : lines_of("nm -D " + options + " " VITRINE_LIBRARY)) {
    const std::string name = line.substr(line.rfind(' ') + 1);
    names.push_back(name.substr(0, name.find('@')));
  }
  return names;
}

TEST_F(CProcess, OnlyTheInterfaceIsExported) {
  const std::vector<std::string> names = names_of("--defined-only");
  EXPECT_EQ(std::ranges::count_if(names, [](const std::string& n) { return n.starts_with("vitrine_"); }), 19);
  for (const std::string& name : names) EXPECT_TRUE(name.starts_with("vitrine_") || name == "VITRINE_0") << name;
}

// What it cannot call it does not do.
TEST_F(CProcess, NothingIsImportedThatWouldChangeTheProcess) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer brings imports of its own";
  const std::vector<std::string> names = names_of("--undefined-only");
  EXPECT_NE(std::ranges::find(names, "pthread_rwlock_rdlock"), names.end());
  for (const char* name : {"fork",
                           "vfork",
                           "execve",
                           "_exit",
                           "exit",
                           "_Exit",
                           "quick_exit",
                           "signal",
                           "sigaction",
                           "raise",
                           "kill",
                           "setlocale",
                           "setenv",
                           "putenv",
                           "chdir",
                           "umask",
                           "setrlimit",
                           "setitimer",
                           "printf",
                           "puts",
                           "putchar",
                           "fwrite",
                           "__printf_chk",
                           "__fprintf_chk",
                           "fprintf",
                           "perror",
                           "stderr",
                           "stdout",
                           "write",
                           "dup2",
                           "atexit",
                           "dlopen",
                           "prctl",
                           "_ZSt4cout",
                           "_ZSt4cerr",
                           "_ZSt13set_terminatePFvvE",
                           "_ZSt15set_new_handlerPFvvE"})
    EXPECT_EQ(std::ranges::find(names, name), names.end()) << name << " is imported";
}

TEST_F(CProcess, ItNeedsNoItkAndNoCuda) {
  std::string all;
  for (const std::string& line : lines_of("readelf -d " VITRINE_LIBRARY)) all += line + "\n";
  EXPECT_NE(all.find("soname: [libvitrine.so.0]"), std::string::npos) << all;
  for (const char* other : {"ITK", "itk", "cuda", "cublas", "cudnn", "nccl"})
    EXPECT_EQ(all.find(other), std::string::npos) << all;
}

TEST_F(CProcess, StrippedItHasFourMegabytesAtMost) {
  if (kSanitized || !kOptimized) GTEST_SKIP() << "the size of another build";
  ASSERT_EQ(shell("strip -o " + path("small.so") + " " VITRINE_LIBRARY).code, 0);
  EXPECT_LE(fs::file_size(folder / "small.so"), 4'000'000u);
}

TEST_F(CProcess, SignalsAreLeftAlone) {
  ASSERT_EQ(vitrine_set_threads(3), VITRINE_OK);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGSEGV, SIGXFSZ}) {
    struct sigaction now {};
    ::sigaction(number, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL) << number;
  }
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGINT), 0);
  // The library's pool hears none; other threads of this program do, those of the pool that it is itself linked with.
  int deaf = 0;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigBlk:")) continue;
      const std::uint64_t blocked = std::stoull(line.substr(7), nullptr, 16);
      const auto hears = [blocked](int number) { return (blocked >> (number - 1) & 1) == 0; };
      deaf += std::ranges::none_of(std::vector{SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGPROF}, hears);
    }
  }
  EXPECT_EQ(deaf, 2);
}

TEST_F(CProcess, AForkedChildIsRefused) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = vitrine_classes(network_) == 0 &&
                         std::string(vitrine_last_error()).find("forked") != std::string::npos &&
                         vitrine_set_threads(1) == VITRINE_USAGE && vitrine_close(network_) == VITRINE_USAGE;
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(CProcess, NetworksThatAreClosedWhileTheyAreUsed) {
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  vitrine_network* shared = nullptr;
  ASSERT_EQ(vitrine_open(path("net.safetensors").c_str(), &shared), VITRINE_OK);
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const std::vector<std::uint8_t> rgb = pixels(80, 80);
      double p[kClasses];
      int status = VITRINE_OK;
      while (status == VITRINE_OK) status = vitrine_predict_rgb(shared, rgb.data(), 80, 80, 0, p, kClasses);
      wrong += status != VITRINE_USAGE;
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(vitrine_close(shared), VITRINE_OK);
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

std::int64_t resident_kibibytes() {
  std::ifstream status("/proc/self/status");
  std::int64_t kibibytes = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) kibibytes = std::stoll(line.substr(6));
  }
  return kibibytes;
}

TEST_F(CProcess, ClosingGivesTheMemoryBack) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer keeps what is freed for a while";
  std::int64_t after_first = 0;
  for (int round = 0; round < 12; ++round) {
    vitrine_network* network = nullptr;
    ASSERT_EQ(vitrine_open(path("net.safetensors").c_str(), &network), VITRINE_OK);
    const std::vector<float> x = images(4, 64 + round, 64);
    const std::int64_t shape[4] = {4, 64 + round, 64, 3};
    float out[4 * kClasses];
    ASSERT_EQ(vitrine_run(network, x.data(), shape, VITRINE_NHWC, out, 4 * kClasses), VITRINE_OK);
    ASSERT_EQ(vitrine_close(network), VITRINE_OK);
    if (round == 1) after_first = resident_kibibytes();
  }
  // Huge pages and the heap's holes come and go by some 10 MiB; the ten networks of 26 MiB that were opened since would be 260.
  EXPECT_LT(resident_kibibytes(), after_first + 40 * 1024);
}

// The header names this size.
TEST_F(CProcess, AStackOf256KibibytesIsEnough) {
  if (kSanitized) GTEST_SKIP() << "sanitizers make frames larger";
  pthread_attr_t small;
  pthread_attr_init(&small);
  ASSERT_EQ(pthread_attr_setstacksize(&small, 256 * 1024), 0);
  struct Work {
    std::string checkpoint, photograph;
    int status = -1;
  } work{path("net.safetensors"), photograph(300, 200)};
  pthread_t thread;
  const auto run = [](void* given) -> void* {
    Work& w = *static_cast<Work*>(given);
    vitrine_network* network = nullptr;
    double p[kClasses];
    w.status = vitrine_open(w.checkpoint.c_str(), &network);
    if (w.status == VITRINE_OK && vitrine_can_read_photographs() == 1)
      w.status = vitrine_predict_file(network, w.photograph.c_str(), p, kClasses);
    if (w.status == VITRINE_OK) w.status = vitrine_close(network);
    return nullptr;
  };
  ASSERT_EQ(vitrine_set_threads(1), VITRINE_OK);
  ASSERT_EQ(pthread_create(&thread, &small, run, &work), 0);
  pthread_join(thread, nullptr);
  EXPECT_EQ(work.status, VITRINE_OK);
}

TEST_F(CProcess, AThreadThatUsedItOutlivesUnloading) {
  const Outcome outcome = shell(VITRINE_C_UNLOAD " " VITRINE_LIBRARY " " + path("net.safetensors") + " 2>&1");
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_EQ(outcome.output, "5\n");
}

// The example is the program under test: a library that is loaded, and unloaded at its end, by C and by Python.
class CExamples : public Program {
 protected:
  void SetUp() override {
    if (vitrine_can_read_photographs() == 0) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
    Program::SetUp();
    Semantics semantics;
    EfficientNet net(architecture("lite0"), semantics, 7);
    net.initialize(3);
    net.trained_on.class_names = {"a", "b", "c", "d", "e", "f", "g"};
    write_safetensors(folder / "net.safetensors", to_tensor_file(net, {}));
    std::vector<std::uint8_t> rgb(80 * 60 * 3);
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<std::uint8_t>(i * i / 7);
    write_file(folder / "photo.png", report::png_bytes({80, 60, 3, rgb}));
  }
  std::string arguments() const { return path("net.safetensors") + " " + path("photo.png"); }
  std::string expected() const {
    std::string output =
        vitrine_program("predict --no-sandbox --weights " + path("net.safetensors") + " --images " + path("photo.png")).output;
    return output.substr(output.find('\n') + 1);
  }
};

TEST_F(CExamples, ProgramsOfEveryCompilerPrintWhatVitrinePrints) {
  std::istringstream programs(VITRINE_C_PROGRAMS);
  int count = 0;
  for (std::string program; std::getline(programs, program, ',');) {
    const Outcome outcome = shell(program + " " + arguments() + " 2>&1");
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.output, expected()) << program;
    const Outcome refused = shell(program + " " + path("none.pth") + " x 2>&1");
    EXPECT_EQ(refused.code, VITRINE_WEIGHTS) << refused.output;
    EXPECT_EQ(std::count(refused.output.begin(), refused.output.end(), '\n'), 1) << refused.output;
    ++count;
  }
  EXPECT_GE(count, 1);
}

TEST_F(CExamples, PythonPrintsWhatVitrinePrints) {
  if (kSanitized) GTEST_SKIP() << "Python is built without the sanitizer";
  if (shell("python3 -c 'import ctypes' 2>&1").code != 0) GTEST_SKIP() << "Python 3 is not installed";
  const std::string script = VITRINE_SOURCE_DIR "/examples/c/predict.py";
  const std::string source = read_file(script, 10'000);
  EXPECT_LE(std::count(source.begin(), source.end(), '\n'), 20);
  const Outcome outcome = shell("python3 " + script + " " VITRINE_LIBRARY " " + arguments() + " 2>&1");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, expected());
  EXPECT_EQ(shell("python3 " + script + " " VITRINE_LIBRARY " " + path("none.pth") + " x 2>&1").code, VITRINE_WEIGHTS);
}

#if defined(VITRINE_FAULT_SHIM)
// Every allocation of a sample of all fails once: the program ends well, or with status 1 and the library's sentence.
TEST_F(CExamples, MemoryThatRunsOutAnywhereIsAnError) {
  const std::string program = std::string(VITRINE_C_PROGRAMS).substr(0, std::string(VITRINE_C_PROGRAMS).find(','));
  const auto run = [&](const std::string& fault) {
    return shell("VITRINE_THREADS=1 LD_PRELOAD=" VITRINE_FAULT_SHIM " VITRINE_FAULT_COUNT=" + path("count") +
                 " VITRINE_FAULT=" + fault + " " + program + " " + arguments() + " 2>&1");
  };
  ASSERT_EQ(run("none").output, expected());
  std::uint64_t allocations = 0;
  std::istringstream(read_file(folder / "count", 1000)) >> allocations;
  ASSERT_GT(allocations, 500u);
  int refused = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    for (const std::string once : {"", "+"}) {
      if (i == 0 && once == "+") continue;  // the C++ runtime itself then has no memory for exceptions
      const std::string fault = "alloc:" + std::to_string(1 + i * allocations / 60) + once;
      const Outcome outcome = run(fault);
      if (outcome.code == 0) {
        EXPECT_EQ(outcome.output, expected()) << fault;
        continue;
      }
      EXPECT_EQ(outcome.code, VITRINE_RUNTIME) << fault << outcome.output;
      EXPECT_NE(outcome.output.find("out of memory"), std::string::npos) << fault << outcome.output;
      ++refused;
    }
  }
  EXPECT_GT(refused, 60);
}
#endif

}  // namespace
}  // namespace vitrine::testing
