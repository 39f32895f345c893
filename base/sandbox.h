// Work on files of strangers in a process that can do little else: read one file, compute, and answer.
//
// Three processes. The program; a small one forked from it at the start, before it has threads and memory of its own, which only waits and
// forks; and a worker that it forks for each file, ahead of time, so that a worker that was taken over never sees the next file. The
// program opens the file itself and passes the descriptor. A worker holds two descriptors, the file and a pipe for its answer, may make
// some twenty system calls (base/confinement.h), and is killed with its first other one, when its time is over, or with the process before
// it.
//
// What comes back is as trustworthy as the file: its size is bounded here, the caller checks every field of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace vitrine {

struct SandboxLimits {
  std::uint64_t memory = 0;  // bytes of address space, beyond what the worker starts with
  int seconds = 20;          // until it is killed
  std::size_t reply = 0;     // bytes
};

struct SandboxReply {
  enum class Kind {
    done,           // text is what the work returned
    refused,        // the work threw a DataError; text is its message
    failed,         // the work threw something else; text is its message
    out_of_memory,  // the work threw std::bad_alloc
    stopped,        // the worker was killed; text says by what, as the end of a sentence: "it ..."
  };
  Kind kind = Kind::stopped;
  std::string text;
};

// Runs in the worker. `input` is the file's descriptor; read it with pread.
using SandboxedWork = std::string (*)(int input, std::string_view request);

class Sandbox {
 public:
  static constexpr std::size_t kMaxRequest = 1024;  // bytes

  // Forks the small process. Error (exit code 1) when it cannot, or when this system has no way to confine a process.
  explicit Sandbox(SandboxedWork work);
  ~Sandbox();  // ends it, and with it a worker
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // One file. Error when no worker can be started or confined; Interrupted.
  SandboxReply run(int input, std::string_view request, const SandboxLimits& limits);

 private:
  void end() noexcept;

  Descriptor control_;  // a socket to the small process
  pid_t process_ = -1;
  std::uint64_t orders_ = 0;
};

// Why a process cannot be confined here, as the end of a sentence; empty when it can.
std::string sandbox_flaw();

}  // namespace vitrine
