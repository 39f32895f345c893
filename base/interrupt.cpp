#include "base/interrupt.h"

#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace vitrine {
namespace {

constexpr int kGraceMicroseconds = 990'000;

std::atomic<int> requested{0};  // the signal; lock-free, so that a handler may write it
static_assert(std::atomic<int>::is_always_lock_free);

thread_local int deferred = 0;

void on_signal(int signal_number) {
  int none = 0;
  if (!requested.compare_exchange_strong(none, signal_number)) {  // the second time: end at once, as if there were no handler
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
    return;
  }
  itimerval grace{};
  grace.it_value.tv_usec = kGraceMicroseconds;
  ::setitimer(ITIMER_REAL, &grace, nullptr);
}

// The work did not stop by itself. Only what a signal handler may do.
void on_grace_ended(int) {
  const int signal_number = requested.load();
  if (signal_number == 0) return;
  constexpr char kMessage[] =
      "vitrine: stopped in the middle of a step; finished work is kept, run the same command again to go on\n";
  const ssize_t written = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  static_cast<void>(written);
  ::_exit(128 + signal_number);
}

void handle(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(signal_number, &action, nullptr);
}

std::string_view name_of(int signal_number) {
  switch (signal_number) {
    case SIGINT: return "the user (Ctrl-C)";
    case SIGTERM: return "a request to terminate (SIGTERM)";
    default: return "the end of its terminal (SIGHUP)";
  }
}

}  // namespace

void install_interrupt_handler() {
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) handle(SIGHUP, on_signal);  // under nohup it stays ignored
  handle(SIGALRM, on_grace_ended);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
}

bool interrupt_requested() { return requested.load(std::memory_order_relaxed) != 0; }

void check_interrupt(std::string_view what) {
  if (!interrupt_requested() || deferred > 0) return;
  const int signal_number = requested.load();
  throw Interrupted(
      text(what, " was stopped by ", name_of(signal_number), "; finished work is kept, run the same command again to go on"),
      signal_number);
}

InterruptsDeferred::InterruptsDeferred() { ++deferred; }
InterruptsDeferred::~InterruptsDeferred() { --deferred; }

}  // namespace vitrine
