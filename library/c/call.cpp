#include "library/c/call.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "base/memory.h"
#include "base/printable.h"
#include "tensor/parallel.h"

namespace vitrine::c {
namespace {

constexpr std::size_t kMostOfAText = 511;

thread_local char error_text[kMostOfAText + 1];
thread_local char note_text[kMostOfAText + 1];

void keep(char (&to)[kMostOfAText + 1], std::string_view what) noexcept {
  const std::size_t size = std::min(what.size(), kMostOfAText);
  std::memcpy(to, what.data(), size);
  to[size] = '\0';
}

// The refusals of the folders below name options of the command line; here they are members of vitrine_options.
std::string in_words_of_c(std::string message) {
  constexpr struct {
    std::string_view option, member;
  } kMembers[] = {{" --arch", " architecture"}, {" --from", " family"},
                  {" --ema", " averaged"},      {" --padding", " padding"},
                  {" --norm", " norm"},         {" --interpolation", " interpolation"},
                  {" --resize", " resize"},     {" --input-size", " input_size"}};
  for (const auto& [option, member] : kMembers) {
    for (std::size_t at = message.find(option); at != std::string::npos; at = message.find(option, at + member.size()))
      message.replace(at, option.size(), member);
  }
  return message;
}

int keep_error(const char* function, ExitCode code, const char* what) {
  // A sentence that begins with an option has no space in front of it.
  keep(error_text, one_line(text(function, ":", in_words_of_c(text(' ', what))), kMostOfAText));
  return code <= ExitCode::numerical ? static_cast<int>(code) : static_cast<int>(ExitCode::runtime);
}

int keep_out_of_memory() noexcept {
  keep(error_text, kOutOfMemory);
  return static_cast<int>(ExitCode::runtime);
}

// Held while a call runs; alone by who changes the pool, whom new calls let through first.
pthread_rwlock_t pool_lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
std::atomic<pid_t> pool_owner{0};  // the process that has the pool's threads; 0: there is no pool yet

void require(int error, const char* what) {
  if (error != 0) throw Error(ExitCode::runtime, text(what, " failed: ", std::strerror(error)));
}

// `change` of the pool. New threads hear no signals, which are the program's, and have the arithmetic of a Call.
template <class Change>
void change_pool(const Change& change) {
  require(pthread_rwlock_wrlock(&pool_lock), "waiting for running calls");
  sigset_t all, signals;
  std::fenv_t arithmetic;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &signals);
  std::fegetenv(&arithmetic);
  std::fesetenv(FE_DFL_ENV);
  const auto restore = [&] {
    std::fesetenv(&arithmetic);
    pthread_sigmask(SIG_SETMASK, &signals, nullptr);
    pthread_rwlock_unlock(&pool_lock);
  };
  try {
    change();
  } catch (...) {
    restore();
    throw;
  }
  restore();
}

void require_own_process() {
  const pid_t owner = pool_owner.load();
  if (owner != 0 && owner != ::getpid())
    throw UsageError(
        "this process was forked after its parent had used the library, whose threads it has not; start it with exec, or "
        "fork before the first call");
}

}  // namespace

const char* last_error() noexcept { return error_text; }
const char* last_note() noexcept { return note_text; }

void forget_texts() noexcept { error_text[0] = note_text[0] = '\0'; }

void add_note(std::string_view note) {
  const std::string so_far = note_text;
  keep(note_text, one_line(text(so_far, so_far.empty() ? "" : "; ", note), kMostOfAText));
}

int keep_error(const char* function) noexcept {
  note_text[0] = '\0';
  try {
    try {
      throw;
    } catch (const Error& error) {
      return keep_error(function, error.code(), error.what());
    } catch (const std::bad_alloc&) {
      return keep_error(function, ExitCode::runtime, kOutOfMemory);
    } catch (const std::exception& error) {
      return keep_error(function, ExitCode::runtime, error.what());
    }
  } catch (...) {
    return keep_out_of_memory();
  }
}

Call::Call() {
  require_own_process();
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
  std::fegetenv(&arithmetic_);
  std::fesetenv(FE_DFL_ENV);
  try {
    if (pool_owner.load() == 0) {
      change_pool([] {
        thread_count();
        pool_owner = ::getpid();
      });
    }
    require(pthread_rwlock_rdlock(&pool_lock), "entering the library");
  } catch (...) {
    std::fesetenv(&arithmetic_);
    pthread_setcancelstate(cancel_state_, nullptr);
    throw;
  }
}

Call::~Call() {
  pthread_rwlock_unlock(&pool_lock);
  std::fesetenv(&arithmetic_);
  pthread_setcancelstate(cancel_state_, nullptr);
}

void set_threads(int threads) {
  { const Call made; }  // the first call of all may be this one
  change_pool([threads] { set_thread_count(threads); });
}

}  // namespace vitrine::c
