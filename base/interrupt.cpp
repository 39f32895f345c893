#include "base/interrupt.h"

#include <csignal>

#include "base/error.h"

namespace vitrine {
namespace {

volatile std::sig_atomic_t requested = 0;

void on_signal(int signal_number) {
  if (requested != 0) {  // the second time: end at once, as if there were no handler
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
  }
  requested = 1;
}

}  // namespace

void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupt_requested() { return requested != 0; }

void check_interrupt(std::string_view what) {
  if (interrupt_requested()) {
    throw Interrupted(text(what, " was stopped by the user; finished work is kept, run the same command again to go on"));
  }
}

}  // namespace vitrine
