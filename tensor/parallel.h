// Parallel loops over independent outputs.
//
// The range [0, count) is cut into one contiguous part per thread. A body must compute the same bits for an index
// whichever part it falls into, so results never depend on the number of threads. Calls inside a body run in place.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace vitrine {

// A reference to a callable void(first, last): no allocation, no ownership.
class RangeBody {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, RangeBody>)
      RangeBody(F&& f)  // NOLINT(google-explicit-constructor): made to be passed a lambda
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* o, std::int64_t first, std::int64_t last) {
          (*static_cast<std::remove_reference_t<F>*>(o))(first, last);
        }) {}
  void operator()(std::int64_t first, std::int64_t last) const { call_(object_, first, last); }

 private:
  void* object_;
  void (*call_)(void*, std::int64_t, std::int64_t);
};

// Runs body(first, last) over disjoint parts that cover [0, count); returns when all are done. A part is never smaller
// than `grain` unless it is the only one. An exception in a body is rethrown here, the one of the lowest part first. Interrupted when a
// signal has asked the program to stop (base/interrupt.h): so every op is a point where long work ends.
void parallel_for(std::int64_t count, std::int64_t grain, RangeBody body);

int thread_count();  // VITRINE_THREADS, else the number of processors this process may use
// UsageError outside 1..1024. Waits for a loop of another thread; InternalError inside a loop. A child that was
// forked after its parent had computed has one thread, whatever is asked.
void set_thread_count(int n);

}  // namespace vitrine
