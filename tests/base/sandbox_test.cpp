// The sandbox bites: each thing that a taken-over reader would try is stopped, and the next file is none the wiser.
#include "base/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/confinement.h"
#include "base/descriptor.h"
#include "base/error.h"

namespace vitrine::testing {
namespace {

using Kind = SandboxReply::Kind;

// What a worker is asked to try. It answers "done" when it got away with it.
std::string attempt(int input, std::string_view request) {
  const std::string what(request);
  long got = 0;
  if (what == "read") {
    char bytes[5] = {};
    return {bytes, static_cast<std::size_t>(::pread(input, bytes, sizeof bytes, 0))};
  }
  if (what == "large") return std::string(150'000, 'x');
  if (what == "too large") return std::string(2'000'000, 'x');
  if (what == "DataError") throw DataError("it is bad");
  if (what == "InternalError") throw InternalError("a mistake");
  if (what == "memory") {
    for (std::vector<std::string> all;;) all.emplace_back(std::size_t{8} << 20, 'x');
  }
  if (what == "open") got = ::open("/etc/hostname", O_RDONLY);
  if (what == "create") got = ::open("/tmp/vitrine-sandbox-file", O_WRONLY | O_CREAT, 0600);
  if (what == "openat2") got = ::syscall(437, AT_FDCWD, "/etc/hostname", nullptr, 0);
  if (what == "socket") got = ::socket(AF_INET, SOCK_STREAM, 0);
  if (what == "exec") got = ::execl("/bin/true", "true", nullptr);
  if (what == "fork") got = ::fork();
  if (what == "clone3") got = ::syscall(435, nullptr, 0);
  if (what == "kill parent") got = ::kill(::getppid(), SIGKILL);
  if (what == "kill all") got = ::kill(-1, SIGKILL);
  if (what == "ptrace") got = ::syscall(SYS_ptrace, 0, 0, 0, 0);
  if (what == "unlink") got = ::unlink("/tmp/vitrine-sandbox-file");
  if (what == "prctl") got = ::prctl(PR_SET_PDEATHSIG, 0);
  if (what == "setrlimit") got = ::syscall(SYS_prlimit64, 0, RLIMIT_AS, nullptr, nullptr);
  if (what == "io_uring") got = ::syscall(425, 1, nullptr);
  if (what == "getdents") got = ::syscall(SYS_getdents64, input, nullptr, 0);
  if (what == "executable memory") {
    got = reinterpret_cast<long>(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  if (what == "memory made executable") {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    got = ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
  }
  if (what == "map of the file") got = reinterpret_cast<long>(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, input, 0));
#if defined(__x86_64__)
  if (what == "x32") got = ::syscall(0x40000000 + SYS_getpid);
  if (what == "32 bits") {  // open() of another architecture, by its own gate
    asm volatile("int $0x80" : "=a"(got) : "a"(5), "b"(0), "c"(0), "d"(0) : "memory");
  }
#endif
  if (what == "null") *static_cast<volatile int*>(nullptr) = 1;
  if (what == "trap") __builtin_trap();
  if (what == "silence") ::_exit(0);
  if (what == "pretend") ::_exit(71);  // the code of a worker that could not be confined
  if (what == "loop") {
    for (volatile unsigned i = 0;;) i = i + 1;
  }
  return "done " + std::to_string(got);
}

class Sandboxed : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!sandbox_flaw().empty()) GTEST_SKIP() << sandbox_flaw();
    path_ = std::filesystem::temp_directory_path() / ("vitrine-sandbox-" + std::to_string(::getpid()));
    std::ofstream(path_) << "hello there";
    file_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  SandboxReply run(Sandbox& sandbox, const std::string& request, int seconds = 20) const {
    return sandbox.run(file_.get(), request, {std::uint64_t{64} << 20, seconds, 200'000});
  }

  std::filesystem::path path_;
  Descriptor file_;
};

TEST_F(Sandboxed, ReadsItsFileAndAnswers) {
  Sandbox sandbox(attempt);
  for (int i = 0; i < 50; ++i) {
    const SandboxReply reply = run(sandbox, "read");
    EXPECT_EQ(reply.kind, Kind::done);
    EXPECT_EQ(reply.text, "hello");
  }
  EXPECT_EQ(run(sandbox, "large").text, std::string(150'000, 'x'));
  EXPECT_EQ(run(sandbox, "DataError").kind, Kind::refused);
  EXPECT_EQ(run(sandbox, "DataError").text, "it is bad");
  EXPECT_EQ(run(sandbox, "InternalError").kind, Kind::failed);
  EXPECT_THROW(run(sandbox, std::string(2000, 'x')), InternalError);
}

TEST_F(Sandboxed, EverySystemCallThatReachesOutEndsTheWorker) {
  Sandbox sandbox(attempt);
  std::vector<std::string> attempts = {"open",
                                       "create",
                                       "openat2",
                                       "socket",
                                       "exec",
                                       "fork",
                                       "clone3",
                                       "ptrace",
                                       "kill all",
                                       "unlink",
                                       "prctl",
                                       "kill parent",
                                       "setrlimit",
                                       "io_uring",
                                       "getdents",
                                       "executable memory",
                                       "memory made executable",
                                       "map of the file"};
#if defined(__x86_64__)
  attempts.insert(attempts.end(), {"x32", "32 bits"});
#endif
  for (const std::string& what : attempts) {
    const SandboxReply reply = run(sandbox, what);
    EXPECT_EQ(reply.kind, Kind::stopped) << what << ": " << reply.text;
    EXPECT_NE(reply.text.find("asked the system"), std::string::npos) << what << ": " << reply.text;
    EXPECT_EQ(run(sandbox, "read").text, "hello") << "after " << what;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/vitrine-sandbox-file"));
}

TEST_F(Sandboxed, CrashesAndLiesAreStops) {
  Sandbox sandbox(attempt);
  for (const std::string what : {"null", "trap", "silence", "pretend", "too large"}) {
    const SandboxReply reply = run(sandbox, what);
    EXPECT_EQ(reply.kind, Kind::stopped) << what << ": " << reply.text;
    EXPECT_FALSE(reply.text.empty());
  }
  EXPECT_TRUE(kAddressSanitizer || run(sandbox, "null").text.find("signal 11") != std::string::npos);
  EXPECT_EQ(run(sandbox, "read").text, "hello");
}

TEST_F(Sandboxed, MemoryAndTimeAreLimited) {
  Sandbox sandbox(attempt);
  EXPECT_TRUE(kAddressSanitizer || run(sandbox, "memory").kind == Kind::out_of_memory);
  const auto start = std::chrono::steady_clock::now();
  const SandboxReply reply = run(sandbox, "loop", 1);
  EXPECT_EQ(reply.kind, Kind::stopped);
  EXPECT_NE(reply.text.find("longer than 1 seconds"), std::string::npos) << reply.text;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(run(sandbox, "read").text, "hello");
}

// Living processes with the reader's name among the children of `parent` and their children.
int readers_of(pid_t parent) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string number, name, state, above;
    if (!(file >> number >> name >> state >> above) || name != "(vitrine-reader)" || state == "Z") continue;
    std::ifstream its_parent("/proc/" + above + "/stat");
    std::string further;
    its_parent >> number >> name >> state >> further;
    count += above == std::to_string(parent) || further == std::to_string(parent) ? 1 : 0;
  }
  return count;
}

// Whether they are gone soon; whoever kills them has no way to be told when.
bool all_end(pid_t parent) {
  const auto start = std::chrono::steady_clock::now();
  while (readers_of(parent) > 0) {
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(3)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

TEST_F(Sandboxed, NothingIsLeftBehind) {
  {
    Sandbox sandbox(attempt);
    run(sandbox, "read");
    EXPECT_GE(readers_of(::getpid()), 1);
  }
  EXPECT_TRUE(all_end(::getpid()));
}

// A program that is killed while a worker runs takes all of them with it.
TEST_F(Sandboxed, TheyEndWithTheProgram) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // whoever loses its parent becomes a child of ours
  const pid_t program = ::fork();
  if (program == 0) {
    Sandbox sandbox(attempt);
    run(sandbox, "loop");
    ::_exit(0);
  }
  const auto start = std::chrono::steady_clock::now();
  while (readers_of(program) < 2 && std::chrono::steady_clock::now() - start < std::chrono::seconds(3)) {
  }
  EXPECT_GE(readers_of(program), 2);
  ::kill(program, SIGKILL);
  int status = 0;
  ::waitpid(program, &status, 0);
  EXPECT_TRUE(all_end(::getpid()));
  while (::waitpid(-1, &status, WNOHANG) > 0) {
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(Sandboxed, NoDescriptorOfTheProgramLivesOnThere) {
  int pair[2];
  ASSERT_EQ(::pipe(pair), 0);
  Sandbox sandbox(attempt);
  run(sandbox, "read");
  ::close(pair[1]);
  char byte = 0;
  EXPECT_EQ(::read(pair[0], &byte, 1), 0);  // the end of the pipe: nobody else holds the other side
  ::close(pair[0]);
}

// Forked before the program grows, it does not grow with it.
TEST_F(Sandboxed, TheSmallProcessStaysSmall) {
  const pid_t program = ::fork();
  if (program == 0) {
    bool good = false;
    {
      Sandbox sandbox(attempt);
      const std::string weights(std::size_t{200} << 20, 'w');
      good = run(sandbox, "read").text == "hello" && weights.back() == 'w';
    }
    rusage children{};
    ::getrusage(RUSAGE_CHILDREN, &children);
    ::_exit(good && (kAddressSanitizer || children.ru_maxrss < 100 * 1024) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(program, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace vitrine::testing
