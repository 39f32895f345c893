#include "base/confinement.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/error.h"

namespace vitrine {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // no filter was written for it
#endif

// What may be called with any arguments. None of them reaches a file, a process or the network that is not held already.
constexpr int kAllowed[] = {
    SYS_recvmsg,  // of the one order, from a socket that is closed then
    SYS_read,
    SYS_pread64,
    SYS_write,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_munmap,
    SYS_mremap,
    SYS_brk,
    SYS_madvise,  // memory
    SYS_futex,
    SYS_sched_yield,
    SYS_nanosleep,
    SYS_clock_nanosleep,  // locks, of allocators too
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getcpu,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
};

// A filter in the kernel's machine code, built in place.
class Filter {
 public:
  void load(std::size_t offset) { put(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  // The low half of an argument of the call: both machines are little-endian, and no flag that is tested lies higher.
  void load_argument(int index) { load(offsetof(seccomp_data, args) + 8 * static_cast<std::size_t>(index)); }
  void give(std::uint32_t verdict) { put(BPF_RET | BPF_K, verdict); }
  // When the comparison with `value` holds, the next instruction is run, else that one and `more` further ones are skipped.
  void when(int comparison, std::uint32_t value, std::uint8_t more = 0) {
    put(BPF_JMP | BPF_K | comparison, value, 0, static_cast<std::uint8_t>(1 + more));
  }
  void unless(int comparison, std::uint32_t value) { put(BPF_JMP | BPF_K | comparison, value, 1, 0); }

  bool install() {
    sock_fprog program{static_cast<unsigned short>(count_), code_};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  void put(int code, std::uint32_t value, std::uint8_t jump_true = 0, std::uint8_t jump_false = 0) {
    code_[count_++] = {static_cast<std::uint16_t>(code), jump_true, jump_false, value};
  }

  sock_filter code_[128] = {};
  std::size_t count_ = 0;
};

// New memory holds no code, and mapped memory is no file's.
void allow_memory_without_code(Filter& filter) {
  filter.when(BPF_JEQ, SYS_mmap, 6);
  filter.load_argument(2);
  filter.when(BPF_JSET, PROT_EXEC);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  filter.load_argument(3);
  filter.when(BPF_JSET, MAP_ANONYMOUS);
  filter.give(SECCOMP_RET_ALLOW);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  filter.when(BPF_JEQ, SYS_mprotect, 3);
  filter.load_argument(2);
  filter.when(BPF_JSET, PROT_EXEC);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  filter.give(SECCOMP_RET_ALLOW);
}

bool install_filter() {
  static_assert(std::size(kAllowed) * 2 + 28 < 128);
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.unless(BPF_JEQ, kArchitecture);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  constexpr std::uint32_t kX32 = 0x40000000;  // numbers from here on are calls with 32-bit pointers
  filter.when(BPF_JGE, kX32);
  filter.give(SECCOMP_RET_KILL_PROCESS);
#endif
  for (const int call : kAllowed) {
    filter.when(BPF_JEQ, static_cast<std::uint32_t>(call));
    filter.give(SECCOMP_RET_ALLOW);
  }
  if (kAddressSanitizer) {  // It looks at its signal stack where an exception is thrown; UBSan tests pointers by a pipe.
    for (const int call : {SYS_sigaltstack, SYS_pipe2}) {
      filter.when(BPF_JEQ, static_cast<std::uint32_t>(call));
      filter.give(SECCOMP_RET_ALLOW);
    }
  }
  allow_memory_without_code(filter);
  filter.give(SECCOMP_RET_KILL_PROCESS);
  return filter.install();
}

constexpr std::uint64_t kMostProcessorSeconds = 60;  // whoever waits for the process has a shorter limit

using Resource = decltype(RLIMIT_AS);

// Never above what the process was started with. At `most` a signal may come, `grace` above it the end does.
bool limit(Resource resource, std::uint64_t most, std::uint64_t grace = 0) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return false;
  const rlimit then{std::min<rlim_t>(most, now.rlim_cur), std::min<rlim_t>(most + grace, now.rlim_max)};
  return ::setrlimit(resource, &then) == 0;
}

}  // namespace

std::uint64_t address_space() noexcept {
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char digits[32];
  const ssize_t n = ::read(file, digits, sizeof digits);
  ::close(file);
  std::uint64_t pages = 0;
  for (ssize_t i = 0; i < n && digits[i] >= '0' && digits[i] <= '9'; ++i) {
    pages = pages * 10 + static_cast<std::uint64_t>(digits[i] - '0');
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool confine(int descriptors) noexcept {
  if (kArchitecture == 0) {
    errno = ENOSYS;
    return false;
  }
  return limit(RLIMIT_CPU, kMostProcessorSeconds, 1) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) &&
         limit(RLIMIT_NPROC, 0) && limit(RLIMIT_NOFILE, static_cast<std::uint64_t>(descriptors)) &&
         ::prctl(PR_SET_DUMPABLE, 0) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && install_filter();
}

bool limit_address_space(int process, std::uint64_t bytes) noexcept {
  rlimit now{};
  if (kAddressSanitizer) return true;
  if (::prlimit(process, RLIMIT_AS, nullptr, &now) != 0) return false;
  const rlimit then{std::min<rlim_t>(bytes, now.rlim_cur), std::min<rlim_t>(bytes, now.rlim_max)};
  return ::prlimit(process, RLIMIT_AS, &then, nullptr) == 0;
}

std::string confinement_flaw() {
  if (kArchitecture == 0) return "no filter of system calls was written for this kind of processor";
  std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
    return text("its kernel does not filter system calls (seccomp): ", std::strerror(errno));
  if (!kAddressSanitizer && address_space() == 0) return "/proc/self/statm, which says how large a process is, cannot be read";
  return {};
}

}  // namespace vitrine
