// What a process gives up for good before it looks at a file of a stranger. Used by base/sandbox.cpp.
//
// Limits   address space, processor time, no core file, no new descriptor, no byte into any file, no new process
// Calls    by a filter of the kernel (seccomp, <linux/seccomp.h>): read and write on what is open, memory that holds no code, the clock,
//          locks, the end. Any other kills the process: open, socket, fork, exec, kill, ptrace among them. Calls of another
//          architecture or of x32 are others.
// Under AddressSanitizer address space is not limited (its shadow takes terabytes of it), and two more calls are let pass.
#pragma once

#include <cstdint>
#include <string>

namespace vitrine {

inline constexpr bool kAddressSanitizer =
#if defined(__SANITIZE_ADDRESS__)
    true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    true;
#else
    false;
#endif
#else
    false;
#endif

// Bytes of address space of this process; 0 when /proc does not say. Allocates nothing.
std::uint64_t address_space() noexcept;

// Confines the calling process, which must have one thread: but for its address space. Of descriptors it may have those below `descriptors`.
// False, with errno, when a part of it failed; the process must end then. Allocates nothing.
bool confine(int descriptors) noexcept;

// Limits that of another process of this user, a worker, or of this one (0). False, with errno, when it cannot.
bool limit_address_space(int process, std::uint64_t bytes) noexcept;

// Why `confine` would fail on this machine, as the end of a sentence; empty when it would not.
std::string confinement_flaw();

}  // namespace vitrine
