// What surrounds the work of every function of vitrine_c.h: no exception leaves, the calling thread's state comes back as it was.
#pragma once

#include <pthread.h>

#include <cfenv>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vitrine::c {

// The texts that vitrine_last_error and vitrine_last_note give: one for each thread, 511 bytes at most, without allocation.
const char* last_error() noexcept;
const char* last_note() noexcept;
void forget_texts() noexcept;
void add_note(std::string_view note);

// Keeps the exception that is being handled as `function`'s error; its status.
int keep_error(const char* function) noexcept;

// While one lives, the pool of threads stays as it is, this thread cannot be cancelled, and its arithmetic rounds to nearest and keeps denormals.
// The first one makes the pool. UsageError in a child that was forked after that, and for a wrong VITRINE_THREADS.
class Call {
 public:
  Call();
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  int cancel_state_ = 0;
  std::fenv_t arithmetic_{};
};

void set_threads(int threads);  // waits until no Call lives; UsageError outside 1..1024

// The status of `work`, which is no Call yet.
template <class Work>
int guarded_alone(const char* function, const Work& work) noexcept {
  forget_texts();
  try {
    work();
    return static_cast<int>(ExitCode::ok);
  } catch (...) {
    return keep_error(function);
  }
}

template <class Work>
int guarded(const char* function, const Work& work) noexcept {
  return guarded_alone(function, [&work] {
    const Call call;
    work();
  });
}

// What `work` gives; `none` after an error.
template <class Result, class Work>
Result guarded_or(Result none, const char* function, const Work& work) noexcept {
  Result result = none;
  return guarded(function, [&] { result = work(); }) == 0 ? result : none;
}

}  // namespace vitrine::c
