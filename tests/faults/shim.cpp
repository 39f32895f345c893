// Preloaded into the program: lets the N-th allocation or the N-th call that touches a file fail, or kills the process there.
//
//   VITRINE_FAULT=KIND:N[+]   N from 1; with + every later call fails as well
//     alloc   malloc, calloc, realloc, aligned allocations (and so operator new) give no memory
//     error   open, read, write, fsync, rename, ... fail: EIO, on open EMFILE, on write and allocation of space ENOSPC
//     short   read and write do half of what they are asked, once
//     kill    SIGKILL before the call;  torn: SIGKILL after half of a write
//     thread  no thread can be made (N counts threads)
//   VITRINE_FAULT_COUNT=FILE  where the numbers of allocations and file calls are written at the end
//
// Calls are counted from the start of the process, constructors included, over all of its threads and in children from where they were forked.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

enum class Kind { none, alloc, error, short_, kill, torn, thread };

std::atomic<Kind> kind{Kind::none};
std::atomic<bool> is_read{false};
std::atomic<std::uint64_t> wanted{0}, allocations{0}, calls{0}, threads{0};
bool persistent = false;

void read_environment() {
  const char* const asked = std::getenv("VITRINE_FAULT");
  is_read = true;
  if (asked == nullptr) return;
  constexpr struct {
    const char* name;
    Kind kind;
  } kKinds[] = {{"alloc:", Kind::alloc}, {"error:", Kind::error}, {"short:", Kind::short_},
                {"kill:", Kind::kill},   {"torn:", Kind::torn},   {"thread:", Kind::thread}};
  for (const auto& k : kKinds) {
    if (std::strncmp(asked, k.name, std::strlen(k.name)) != 0) continue;
    wanted = std::strtoull(asked + std::strlen(k.name), nullptr, 10);
    persistent = asked[std::strlen(asked) - 1] == '+';
    kind = k.kind;
  }
}

bool is_turn(std::uint64_t number) { return persistent ? number >= wanted : number == wanted; }

bool memory_ends() {
  if (!is_read) read_environment();
  const std::uint64_t number = ++allocations;
  if (kind != Kind::alloc || !is_turn(number)) return false;
  errno = ENOMEM;
  return true;
}

[[noreturn]] void die() {
  ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
  while (true) ::syscall(SYS_pause);
}

// True when this call is to fail with `error`. Kills where that is asked.
bool fails(int error, bool is_write = false) {
  if (!is_read) read_environment();
  const std::uint64_t number = ++calls;
  if (!is_turn(number)) return false;
  if (kind == Kind::kill || (kind == Kind::torn && !is_write)) die();
  if (kind != Kind::error) return false;
  errno = error;
  return true;
}

// After `fails`: what is left to do of `bytes`; kills after half of a write where that is asked.
std::size_t share(std::size_t bytes) {
  return (kind == Kind::short_ || kind == Kind::torn) && is_turn(calls) && bytes > 1 ? bytes / 2 : bytes;
}
void after_write() {
  if (kind == Kind::torn && is_turn(calls)) die();
}

// At the end of the process, by plain system calls: nothing here may be counted.
struct Report {
  ~Report() {
    const char* const path = std::getenv("VITRINE_FAULT_COUNT");
    if (path == nullptr) return;
    char line[64];
    const int length = std::snprintf(line, sizeof line, "%llu %llu\n", static_cast<unsigned long long>(allocations.load()),
                                     static_cast<unsigned long long>(calls.load()));
    const long file = ::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::syscall(SYS_write, file, line, length);
    ::syscall(SYS_close, file);
  }
} report;

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) { return memory_ends() ? nullptr : __libc_malloc(bytes); }
void* calloc(std::size_t count, std::size_t bytes) { return memory_ends() ? nullptr : __libc_calloc(count, bytes); }
void* realloc(void* p, std::size_t bytes) { return memory_ends() ? nullptr : __libc_realloc(p, bytes); }
void* memalign(std::size_t alignment, std::size_t bytes) { return memory_ends() ? nullptr : __libc_memalign(alignment, bytes); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return memory_ends() ? nullptr : __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) {
  if (memory_ends()) return ENOMEM;
  *p = __libc_memalign(alignment, bytes);
  return *p == nullptr ? ENOMEM : 0;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  using Create = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static auto* const create = reinterpret_cast<Create*>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (!is_read) read_environment();
  const std::uint64_t number = ++threads;
  return kind == Kind::thread && is_turn(number) ? EAGAIN : create(thread, attributes, start, argument);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails(EMFILE) ? -1 : static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return fails(EMFILE) ? -1 : static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
ssize_t read(int file, void* to, std::size_t bytes) { return fails(EIO) ? -1 : ::syscall(SYS_read, file, to, share(bytes)); }
ssize_t pread(int file, void* to, std::size_t bytes, off_t at) {
  return fails(EIO) ? -1 : ::syscall(SYS_pread64, file, to, share(bytes), at);
}
ssize_t pread64(int file, void* to, std::size_t bytes, off64_t at) {
  return fails(EIO) ? -1 : ::syscall(SYS_pread64, file, to, share(bytes), at);
}
ssize_t write(int file, const void* from, std::size_t bytes) {
  if (fails(ENOSPC, true)) return -1;
  const ssize_t done = ::syscall(SYS_write, file, from, share(bytes));
  after_write();
  return done;
}
ssize_t pwrite(int file, const void* from, std::size_t bytes, off_t at) {
  if (fails(ENOSPC, true)) return -1;
  const ssize_t done = ::syscall(SYS_pwrite64, file, from, share(bytes), at);
  after_write();
  return done;
}
ssize_t pwrite64(int file, const void* from, std::size_t bytes, off64_t at) { return pwrite(file, from, bytes, at); }
int fsync(int file) { return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_fsync, file)); }
int fdatasync(int file) { return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_fdatasync, file)); }
int rename(const char* from, const char* to) {
  return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int renameat2(int a, const char* from, int b, const char* to, unsigned flags) {
  return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_renameat2, a, from, b, to, flags));
}
int link(const char* from, const char* to) {
  return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char* path) { return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }
int mkdir(const char* path, mode_t mode) {
  return fails(ENOSPC) ? -1 : static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
int ftruncate(int file, off_t bytes) { return fails(EIO) ? -1 : static_cast<int>(::syscall(SYS_ftruncate, file, bytes)); }
int ftruncate64(int file, off64_t bytes) { return ftruncate(file, bytes); }
int fallocate(int file, int mode, off_t at, off_t bytes) {
  return fails(ENOSPC) ? -1 : static_cast<int>(::syscall(SYS_fallocate, file, mode, at, bytes));
}
int fallocate64(int file, int mode, off64_t at, off64_t bytes) { return fallocate(file, mode, at, bytes); }

}  // extern "C"
