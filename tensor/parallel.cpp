#include "tensor/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"

namespace vitrine {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kSpins = 20000;       // a worker looks for new work this often before it sleeps: about 100 microseconds
constexpr int kSpinsPerYield = 64;  // and lets others run now and then, should there be more threads than processors

// Waits a moment without giving the processor away.
void pause(int spin) {
  if (spin % kSpinsPerYield == kSpinsPerYield - 1) {
    std::this_thread::yield();
  } else {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

thread_local bool inside_body = false;
std::atomic<bool> is_forked_child{false};  // of a process that had a pool: its threads stayed behind

int threads_from_environment() {
  const char* asked = std::getenv("VITRINE_THREADS");
  if (asked == nullptr) {
    cpu_set_t usable;
    CPU_ZERO(&usable);
    const int processors = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    return std::clamp(processors, 1, kMaxThreads);
  }
  std::int64_t n = 0;
  if (!parse_number(std::string_view(asked), n) || n < 1 || n > kMaxThreads) {
    throw UsageError(text("VITRINE_THREADS is '", asked, "', a whole number from 1 to ", kMaxThreads, " was expected"));
  }
  return static_cast<int>(n);
}

// Workers that run part i of the current loop; the caller runs part 0. One loop at a time.
class Pool {
 public:
  explicit Pool(int n) { resize(n); }
  ~Pool() { stop(); }

  int size() const { return size_.load(); }

  void resize(int n) {
    const std::scoped_lock no_loop(loop_);  // a loop of another thread ends first
    stop();
    size_ = 1;
    stopping_ = false;
    workers_.reserve(static_cast<std::size_t>(n));
    for (; size_ < n; ++size_) {
      try {
        workers_.emplace_back([this, part = size_.load(), seen = generation_.load()] { work(part, seen); });
      } catch (const std::system_error&) {
        return;  // the system gives no more: the results do not depend on the number
      }
    }
  }

  // In `most` parts, or as many as there are threads.
  void run(std::int64_t count, std::int64_t most, const RangeBody& body) {
    const std::scoped_lock one_loop_at_a_time(loop_);
    const int parts = static_cast<int>(std::min<std::int64_t>(size_, most));
    if (errors_.size() < static_cast<std::size_t>(parts)) errors_.resize(static_cast<std::size_t>(parts));
    body_ = &body;
    count_ = count;
    parts_ = parts;
    pending_.store(size_ - 1);
    generation_.fetch_add(1);
    if (sleepers_.load() > 0) {  // a worker counts itself before it looks at generation_ for the last time
      const std::scoped_lock lock(mutex_);
      wake_.notify_all();
    }
    run_part(0);
    for (int spin = 0; pending_.load() > 0; ++spin) pause(spin);
    if (failed_.load()) rethrow_first();
  }

 private:
  void run_part(int part) {
    if (part >= parts_) return;
    const std::int64_t first = count_ * part / parts_;
    const std::int64_t last = count_ * (part + 1) / parts_;
    inside_body = true;
    try {
      (*body_)(first, last);
    } catch (...) {
      errors_[static_cast<std::size_t>(part)] = std::current_exception();
      failed_.store(true);
    }
    inside_body = false;
  }

  void rethrow_first() {
    failed_.store(false);
    std::exception_ptr first;
    for (std::exception_ptr& error : errors_) {
      if (error && !first) first = error;
      error = nullptr;
    }
    std::rethrow_exception(first);
  }

  void work(int part, std::uint64_t seen) {
    while (true) {
      for (int spin = 0; spin < kSpins && generation_.load() == seen && !stopping_.load(); ++spin) pause(spin);
      if (generation_.load() == seen) {
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1);
        wake_.wait(lock, [&] { return stopping_.load() || generation_.load() != seen; });
        sleepers_.fetch_sub(1);
      }
      if (stopping_.load()) return;
      seen = generation_.load();
      run_part(part);
      pending_.fetch_sub(1);
    }
  }

  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  std::mutex loop_, mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::vector<std::exception_ptr> errors_;
  const RangeBody* body_ = nullptr;
  std::int64_t count_ = 0;
  int parts_ = 0;
  std::atomic<int> size_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> failed_{false};
};

Pool& pool() {
  struct Owner {
    Pool* pool = new Pool(threads_from_environment());
    Owner() {
      pthread_atfork(nullptr, nullptr, [] { is_forked_child.store(true); });
    }
    ~Owner() {
      if (!is_forked_child.load()) delete pool;
    }
  };
  static Owner owner;
  return *owner.pool;
}

}  // namespace

void parallel_for(std::int64_t count, std::int64_t grain, RangeBody body) {
  if (count <= 0) return;
  check_interrupt();
  const std::int64_t most = std::max<std::int64_t>(1, count / std::max<std::int64_t>(1, grain));
  if (inside_body || most == 1 || is_forked_child.load(std::memory_order_relaxed)) {
    body(0, count);
    return;
  }
  Pool& p = pool();
  if (p.size() == 1) {
    body(0, count);
    return;
  }
  p.run(count, most, body);
}

int thread_count() { return is_forked_child.load() ? 1 : pool().size(); }

void set_thread_count(int n) {
  if (n < 1 || n > kMaxThreads)
    throw UsageError(text("threads is ", n, ", a whole number from 1 to ", kMaxThreads, " was expected"));
  if (inside_body) throw InternalError("the number of threads was set inside a parallel loop; set it between loops");
  if (is_forked_child.load()) return;  // it has one, and the results do not depend on the number
  if (n != pool().size()) pool().resize(n);
}

}  // namespace vitrine
