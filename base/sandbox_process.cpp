// Nothing is allocated here and nothing thrown before the work itself: these processes must end in order when memory runs out.
#include "base/sandbox_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <string_view>

#include "base/confinement.h"
#include "base/error.h"

namespace vitrine {
namespace {

constexpr int kControl = 3;  // of the small process: the socket to the program; below it lies /dev/null
// Of a worker: the socket from which its one order comes. Under a sanitizer 2 stays open, which says on it what it found.
constexpr int kOrders = 0, kLastKept = kAddressSanitizer ? 2 : 0;

struct Received {
  SandboxOrder order;
  char request[Sandbox::kMaxRequest];
  int file = -1, pipe = -1;
};

// The next order; false when the other end is gone or sends something else.
bool receive(int socket, Received& received) noexcept {
  iovec parts[2] = {{&received.order, sizeof received.order}, {received.request, sizeof received.request}};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(2 * sizeof(int))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = ancillary;
  message.msg_controllen = sizeof ancillary;
  ssize_t n = 0;
  do {
    n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < static_cast<ssize_t>(sizeof received.order)) return false;
  received.file = received.pipe = -1;
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head == nullptr || head->cmsg_len != CMSG_LEN(2 * sizeof(int))) return true;
  int came[2];
  std::memcpy(came, CMSG_DATA(head), sizeof came);
  received.file = came[0];
  received.pipe = came[1];
  return true;
}

// ---- A worker. ----

void put(int descriptor, const void* bytes, std::size_t count) noexcept {
  const char* at = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t n = ::write(descriptor, at, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) ::_exit(0);  // nobody listens
    at += n;
    count -= static_cast<std::size_t>(n);
  }
}

void answer(int pipe, SandboxReply::Kind kind, std::string_view text) noexcept {
  SandboxHead head;
  head.bytes = text.size();
  head.kind = static_cast<std::int32_t>(kind);
  put(pipe, &head, sizeof head);
  put(pipe, text.data(), text.size());
}

void work_and_answer(SandboxedWork work, const Received& received) noexcept {
  const int pipe = received.pipe;
  put(pipe, "!", 1);
  try {
    answer(pipe, SandboxReply::Kind::done, work(received.file, {received.request, received.order.request}));
  } catch (const DataError& error) {
    answer(pipe, SandboxReply::Kind::refused, error.what());
  } catch (const std::bad_alloc&) {
    answer(pipe, SandboxReply::Kind::out_of_memory, {});
  } catch (const std::exception& error) {
    answer(pipe, SandboxReply::Kind::failed, error.what());
  }
}

// Everything from `first` on.
void close_from(unsigned first) noexcept {
#if defined(SYS_close_range)
  if (::syscall(SYS_close_range, first, ~0u, 0) == 0) return;
#endif
  const long most = std::min(::sysconf(_SC_OPEN_MAX), 1L << 20);
  for (long number = first; number < most; ++number) ::close(static_cast<int>(number));
}

// Confined first, then it waits for its order: that work is done while the program does something else.
[[noreturn]] void be_worker(SandboxedWork work, int orders, pid_t parent) noexcept {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(0);
  if (::dup2(orders, kOrders) != kOrders) ::_exit(kSandboxUnconfined);
  if (!kAddressSanitizer) ::close(2);
  ::close(1);
  close_from(3);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (!confine(kLastKept + 3)) ::_exit(kSandboxUnconfined);
  Received received;
  if (!receive(kOrders, received) || received.file < 0 || received.pipe < 0) ::_exit(0);
  ::close(kOrders);
  work_and_answer(work, received);
  ::_exit(0);
}

// ---- The small process. ----

struct Worker {
  pid_t process = -1;
  int orders = -1;  // our end of its socket
  int error = 0;    // why there is none
};

Worker start_worker(SandboxedWork work) noexcept {
  Worker worker;
  int pair[2];
  const pid_t self = ::getpid();
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    worker.error = errno;
    return worker;
  }
  worker.process = ::fork();
  if (worker.process == 0) be_worker(work, pair[1], self);
  worker.error = worker.process < 0 ? errno : 0;
  ::close(pair[1]);
  worker.orders = pair[0];
  return worker;
}

void kill_and_reap(const Worker& worker, SandboxOutcome& outcome) noexcept {
  if (worker.process <= 0) return;
  ::kill(worker.process, SIGKILL);
  while (::waitpid(worker.process, &outcome.status, 0) < 0 && errno == EINTR) {
  }
}

// Waits for the worker to end, at most so many seconds, and kills it then, or when the program is gone. Time in which the program was
// stopped (Ctrl-Z, a closed lid) does not count: it is counted in slices.
void await(const Worker& worker, int seconds, SandboxOutcome& outcome) noexcept {
  sigset_t none;
  sigemptyset(&none);
  for (int slice = 0;;) {
    const pid_t ended = ::waitpid(worker.process, &outcome.status, WNOHANG);
    if (ended == worker.process || (ended < 0 && errno != EINTR)) return;
    pollfd program{kControl, POLLRDHUP, 0};
    const timespec wait{0, kSandboxSlice * 1'000'000L};
    // SIGCHLD is let in here alone, so that an end between the two calls is not missed.
    const int events = ::ppoll(&program, 1, &wait, &none);
    if (events == 0) ++slice;
    if (events <= 0 && slice < seconds * 1000 / kSandboxSlice) continue;
    kill_and_reap(worker, outcome);
    if (events > 0) ::_exit(0);
    outcome.timed_out = 1;
    return;
  }
}

// Hands the order to the worker and waits for its end. A worker that ended while it had nothing to do is replaced once.
SandboxOutcome run_order(SandboxedWork work, Worker& worker, const Received& received, std::uint64_t own) noexcept {
  SandboxOutcome outcome;
  outcome.number = received.order.number;
  if (received.file < 0 || received.pipe < 0) {
    outcome.error = EMFILE;
    return outcome;
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (worker.process <= 0) worker = start_worker(work);
    outcome.error = worker.error;
    if (worker.process <= 0) break;
    if (!limit_address_space(worker.process, own + received.order.memory)) outcome.error = errno;
    if (outcome.error == 0 &&
        send_sandbox_order(worker.orders, received.order, received.request, received.file, received.pipe)) {
      await(worker, received.order.seconds, outcome);
      break;
    }
    kill_and_reap(worker, outcome);
    ::close(worker.orders);
    worker = Worker();
  }
  if (worker.orders >= 0) ::close(worker.orders);
  worker = Worker();
  return outcome;
}

void handle(int signal_number, void (*how)(int)) noexcept {
  struct sigaction action {};
  action.sa_handler = how;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal_number, &action, nullptr);
}

// The program hears the signals of the terminal and decides; this process ends when the socket closes.
void prepare_signals() noexcept {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) handle(number, SIG_IGN);
  handle(SIGALRM, SIG_DFL);
  handle(SIGCHLD, [](int) {});
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &children, nullptr);
}

// 0, 1 and 2 are taken, so that no descriptor that comes later stands for a standard stream.
void occupy_standard_streams() noexcept {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int number = 0; number <= (kAddressSanitizer ? 1 : 2); ++number) ::dup2(null >= 0 ? null : kControl, number);
  if (null > 2) ::close(null);
}

}  // namespace

bool send_sandbox_order(int socket, const SandboxOrder& order, const char* request, int file, int pipe) noexcept {
  iovec parts[2] = {{const_cast<SandboxOrder*>(&order), sizeof order}, {const_cast<char*>(request), order.request}};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = ancillary;
  message.msg_controllen = sizeof ancillary;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const int descriptors[2] = {file, pipe};
  std::memcpy(CMSG_DATA(head), descriptors, sizeof descriptors);
  ssize_t n = 0;
  do {
    n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n >= 0;
}

void serve_sandbox(int control, SandboxedWork work) noexcept {
  prepare_signals();
  ::prctl(PR_SET_NAME, "vitrine-reader");
  if (control != kControl && ::dup2(control, kControl) != kControl) ::_exit(kSandboxUnconfined);
  close_from(kControl + 1);
  occupy_standard_streams();
  const std::uint64_t own = address_space();
  Worker worker = start_worker(work);
  for (;;) {
    Received received;
    if (!receive(kControl, received)) break;
    const SandboxOutcome outcome = run_order(work, worker, received, own);
    ::close(received.file);
    ::close(received.pipe);
    if (::send(kControl, &outcome, sizeof outcome, MSG_NOSIGNAL) != sizeof outcome) break;
    worker = start_worker(work);
  }
  SandboxOutcome last;
  kill_and_reap(worker, last);
  ::_exit(0);
}

}  // namespace vitrine
