#include "imaging/simulator/side_by_side.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/interrupt.h"

namespace vitrine::imaging {

void side_by_side(int count, int jobs, const std::function<void(int)>& work) {
  std::atomic<int> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto take = [&] {
    while (!stop && !interrupt_requested()) {
      const int i = next++;
      if (i >= count) return;
      try {
        work(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (!failure) failure = std::current_exception();
        stop = true;
      }
    }
  };
  {
    std::vector<std::jthread> workers;
    try {
      for (int job = 1; job < std::min(jobs, count); ++job) workers.emplace_back(take);
    } catch (const std::system_error&) {  // no more threads: those that there are do the work
    }
    take();
  }
  if (failure) std::rethrow_exception(failure);
  check_interrupt("simulation");
}

}  // namespace vitrine::imaging
