#include "base/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

#include "base/confinement.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/sandbox_process.h"

namespace vitrine {
namespace {

constexpr std::size_t kLargestPipe = std::size_t{1} << 20;  // that anyone may have
constexpr int kMostWaits = 200, kWaitMicroseconds = 1000;   // for the small process to end by itself

[[noreturn]] void refuse_gone() {
  throw Error(ExitCode::runtime, "the process that reads files apart from this one has ended by itself; run the command again");
}

// Waits until `descriptor` can be read or has come to its end.
void await_bytes(int descriptor) {
  for (;;) {
    check_interrupt("reading");
    pollfd waiting{descriptor, POLLIN, 0};
    if (::poll(&waiting, 1, kSandboxSlice) > 0) return;
  }
}

// Whether a worker's answer is whole, and of a size and form that it may have.
bool is_whole(const std::string& bytes, std::size_t most) {
  SandboxHead head;
  if (bytes.size() < 1 + sizeof head) return false;
  std::memcpy(&head, bytes.data() + 1, sizeof head);
  return head.magic == SandboxHead::kMagic && head.bytes <= most && head.bytes == bytes.size() - 1 - sizeof head &&
         head.kind >= 0 && head.kind < static_cast<std::int32_t>(SandboxReply::Kind::stopped);
}

// What the worker sent, until its answer is whole, it has ended, or it has sent more than it may.
std::string received_from(int pipe, std::size_t most) {
  std::string bytes;
  while (bytes.size() <= most + 1 + sizeof(SandboxHead) && !is_whole(bytes, most)) {
    await_bytes(pipe);
    const std::size_t before = bytes.size();
    bytes.resize(std::max<std::size_t>(2 * before, std::size_t{1} << 16));
    const ssize_t n = ::read(pipe, bytes.data() + before, bytes.size() - before);
    const int error = errno;
    bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0 || (n < 0 && error != EINTR)) break;
  }
  return bytes;
}

// How earlier workers ended whose answers were whole, or were not awaited.
void forget_outcomes(int control) {
  SandboxOutcome outcome;
  while (::recv(control, &outcome, sizeof outcome, MSG_DONTWAIT) > 0) {
  }
}

SandboxOutcome outcome_of(int control, std::uint64_t order) {
  for (;;) {
    await_bytes(control);
    SandboxOutcome outcome;
    const ssize_t n = ::recv(control, &outcome, sizeof outcome, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n != sizeof outcome) refuse_gone();
    if (outcome.number == order) return outcome;
  }
}

std::string cause_of(const SandboxOutcome& outcome, int seconds) {
  if (outcome.timed_out != 0) return text("took longer than ", seconds, " seconds");
  if (WIFSIGNALED(outcome.status)) {
    switch (const int number = WTERMSIG(outcome.status)) {
      case SIGSYS: return "asked the system for something that a reader has no need of";
      case SIGXCPU: return "took too much of the processor's time";
      case SIGKILL: return "was killed; the machine may have too little memory";
      default: return text("crashed (signal ", number, ")");
    }
  }
  return "ended without a whole answer";
}

// No signal may be handled in the child by the program's handlers before it has its own.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

[[noreturn]] void refuse_start(int error) {
  if (error == ENOMEM) throw std::bad_alloc();
  const bool files = error == EMFILE || error == ENFILE;
  throw Error(ExitCode::runtime,
              text("the system gives no further ", files ? "file descriptor" : "process", " (", std::strerror(error),
                   "); raise the limit (ulimit -", files ? "n" : "u", ") or end other programs"));
}

}  // namespace

std::string sandbox_flaw() { return confinement_flaw(); }

Sandbox::Sandbox(SandboxedWork work) {
  if (const std::string flaw = sandbox_flaw(); !flaw.empty())
    throw Error(ExitCode::runtime, text("this system cannot confine a process: ", flaw));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) refuse_start(errno);
  control_ = Descriptor(pair[0]);
  const Descriptor theirs(pair[1]);
  const SignalsBlocked blocked;
  process_ = ::fork();
  if (process_ == 0) serve_sandbox(theirs.get(), work);
  if (process_ < 0) refuse_start(errno);
}

Sandbox::~Sandbox() { end(); }

// It sees that the socket is closed, ends its worker and itself; if it does not, both are killed (a worker is, by the kernel, when the process
// before it is).
void Sandbox::end() noexcept {
  control_.reset();
  for (int wait = 0; process_ > 0; ++wait) {
    const pid_t ended = ::waitpid(process_, nullptr, wait <= kMostWaits ? WNOHANG : 0);
    if (ended == process_ || (ended < 0 && errno != EINTR)) process_ = -1;
    if (process_ > 0 && wait < kMostWaits) ::usleep(kWaitMicroseconds);
    if (wait == kMostWaits) ::kill(process_, SIGKILL);
  }
}

SandboxReply Sandbox::run(int input, std::string_view request, const SandboxLimits& limits) {
  if (request.size() > kMaxRequest) throw InternalError(text("a request of ", request.size(), " bytes"));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) refuse_start(errno);
  Descriptor reading(ends[0]), writing(ends[1]);
  // Room for the whole answer, so that a worker never waits for a program that was stopped. Without it, it does.
  ::fcntl(writing.get(), F_SETPIPE_SZ, static_cast<int>(std::min(limits.reply + 1 + sizeof(SandboxHead), kLargestPipe)));
  forget_outcomes(control_.get());
  const SandboxOrder order{++orders_, limits.memory, limits.seconds, static_cast<std::uint32_t>(request.size())};
  check_interrupt("reading");
  if (!send_sandbox_order(control_.get(), order, request.data(), input, writing.get())) refuse_gone();
  writing.reset();
  std::string bytes = received_from(reading.get(), limits.reply);
  reading.reset();  // a worker that has more to say ends here
  if (is_whole(bytes, limits.reply)) {
    SandboxHead head;
    std::memcpy(&head, bytes.data() + 1, sizeof head);
    bytes.erase(0, 1 + sizeof head);
    return {static_cast<SandboxReply::Kind>(head.kind), std::move(bytes)};
  }
  const SandboxOutcome outcome = outcome_of(control_.get(), order.number);
  if (outcome.error != 0) refuse_start(outcome.error);
  // Whoever can say something has been confined.
  if (bytes.empty() && WIFEXITED(outcome.status) && WEXITSTATUS(outcome.status) == kSandboxUnconfined)
    throw Error(ExitCode::runtime, "this system did not let a process confine itself (limits or seccomp)");
  return {SandboxReply::Kind::stopped, cause_of(outcome, limits.seconds)};
}

}  // namespace vitrine
