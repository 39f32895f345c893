// Memory that has run out: a sentence and exit code 1, never an abort.
//
// Where an exception can pass, std::bad_alloc does, and main says the sentence. Where none can (before main, in a thread that is just beginning, in
// a function of a library that promises not to throw, in one whose half made objects cannot be destroyed) the process says it and ends at once:
// every file is written under another name and renamed (base/output.h), so nothing half written can remain.
#pragma once

namespace vitrine {

inline constexpr char kOutOfMemory[] = "out of memory; use a smaller batch or image, or give the program more";

// Called once, before any constructor of a library if that can be had. Sets the new and the terminate handler of the process.
void install_memory_handlers() noexcept;

// While one lives, memory that runs out on this thread ends the process: around calls of a library that does not survive std::bad_alloc (ITK's
// matrices free what they never got). Without the handlers it does nothing.
class EndsWithoutMemory {
 public:
  EndsWithoutMemory();
  ~EndsWithoutMemory();
  EndsWithoutMemory(const EndsWithoutMemory&) = delete;
  EndsWithoutMemory& operator=(const EndsWithoutMemory&) = delete;
};

}  // namespace vitrine
