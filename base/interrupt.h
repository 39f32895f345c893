// Signals that ask the program to stop: Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP).
//
// The first one sets a flag that every long loop looks at: each stops at its next safe point, what is finished stays, and the
// exit code is 128 and the signal's number. Where a library does not come back within a second the process ends all the same, with
// the same code: every file is written under another name and renamed (base/output.h), so nothing half written can remain.
// A second signal ends the process at once.
#pragma once

#include <string_view>

namespace vitrine {

// Called by main once. Also ignores SIGPIPE and SIGXFSZ, so that a closed pipe and a file that may not grow are errors of the write.
void install_interrupt_handler();
bool interrupt_requested();
// Throws Interrupted("<what> was stopped by ...") when a stop was asked for. Long loops call it between units of work.
void check_interrupt(std::string_view what = "the work");

// While one lives, check_interrupt does nothing on this thread: for the few milliseconds in which finished work is put away.
class InterruptsDeferred {
 public:
  InterruptsDeferred();
  ~InterruptsDeferred();
  InterruptsDeferred(const InterruptsDeferred&) = delete;
  InterruptsDeferred& operator=(const InterruptsDeferred&) = delete;
};

}  // namespace vitrine
