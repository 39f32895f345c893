// The other side of base/sandbox.h: the small process, its workers, and what the three say to each other.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/sandbox.h"

namespace vitrine {

// What the program asks of the small process, and that of a worker; the request's bytes follow, the file and the pipe come with it.
struct SandboxOrder {
  std::uint64_t number = 0, memory = 0;
  std::int32_t seconds = 0;
  std::uint32_t request = 0;  // bytes
};

// How the worker ended, from the small process.
struct SandboxOutcome {
  std::uint64_t number = 0;
  std::int32_t status = 0;     // of waitpid
  std::int32_t error = 0;      // errno of a fork, or of what came before it
  std::int32_t timed_out = 0;  // killed because its time was over
};

// In front of the worker's answer in the pipe; one byte before it says that the worker is confined and begins.
struct SandboxHead {
  static constexpr std::uint64_t kMagic = 0x7672'6570'6c79'3031;
  std::uint64_t magic = kMagic, bytes = 0;
  std::int32_t kind = 0, zero = 0;
};

inline constexpr int kSandboxSlice = 100;      // milliseconds between two looks at whether to go on
inline constexpr int kSandboxUnconfined = 71;  // exit code of a worker that could not give up its rights

// A message of two parts with two descriptors. False, with errno, when nobody is there.
bool send_sandbox_order(int socket, const SandboxOrder& order, const char* request, int file, int pipe) noexcept;

// The small process: serves orders from `control` until its other end is closed.
[[noreturn]] void serve_sandbox(int control, SandboxedWork work) noexcept;

}  // namespace vitrine
