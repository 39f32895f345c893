#include "tensor/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"

namespace vitrine {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kSpins = 20000;        // a worker looks for new work this often before it sleeps: about 100 microseconds
constexpr std::int64_t kPieces = 8;  // of a part at most: what one thread has not begun another can take
constexpr int kSpinsPerYield = 64;   // and lets others run now and then, should there be more threads than processors

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

// The pieces of a part that nobody has taken yet, first and last in one word: who takes changes both or neither.
class Pieces {
 public:
  void set(std::uint32_t first, std::uint32_t last) { both_.store(joined(first | kNotBegun, last)); }

  struct Taken {
    std::uint32_t first = 0, last = 0;
    bool some() const { return first < last; }
  };
  // Half of what is left: from the beginning for the part's own thread, from the end for the others, which wait for it to begin: so each thread runs
  // in every loop, and the memory that it asks for in the first is all that it asks for.
  Taken take(bool own) {
    std::uint64_t both = both_.load();
    while (true) {
      const auto low = static_cast<std::uint32_t>(both), last = static_cast<std::uint32_t>(both >> 32);
      const std::uint32_t first = low & ~kNotBegun, half = (last - first + 1) / 2;
      if (first >= last || (!own && low != first)) return {};
      const std::uint64_t left = own ? joined(first + half, last) : joined(first, last - half);
      if (both_.compare_exchange_weak(both, left)) return own ? Taken{first, first + half} : Taken{last - half, last};
    }
  }

 private:
  static constexpr std::uint32_t kNotBegun = 1u << 31;
  static std::uint64_t joined(std::uint32_t first, std::uint32_t last) { return std::uint64_t{last} << 32 | first; }

  alignas(64) std::atomic<std::uint64_t> both_{0};
};

// One loop at a time. Part i of it is thread i's, the caller's is part 0; a thread that is done with its own goes on with what the others have not
// begun. A piece that was taken belongs to the loop that has not ended, so a thread that comes late finds either none or one of the next loop.
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
    pieces_ = std::make_unique<Pieces[]>(static_cast<std::size_t>(n));
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
    const auto pieces = static_cast<std::uint32_t>(std::clamp<std::int64_t>(most / parts, 1, kPieces));
    body_ = &body;
    count_ = count;
    total_ = pieces * static_cast<std::uint32_t>(parts);
    pending_.store(total_);
    parts_.store(parts);
    for (int part = 0; part < parts; ++part) {
      const auto first = static_cast<std::uint32_t>(part) * pieces;
      pieces_[static_cast<std::size_t>(part)].set(first, first + pieces);
    }
    generation_.fetch_add(1);
    if (sleepers_.load() > 0) {  // a worker counts itself before it looks at generation_ for the last time
      const std::scoped_lock lock(mutex_);
      wake_.notify_all();
    }
    take_part(0);
    for (int spin = 0; pending_.load() > 0; ++spin) pause(spin);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  // Own pieces, then those of the next part and so on.
  void take_part(int own) {
    const int parts = parts_.load();
    for (int i = 0; i < parts; ++i) {
      Pieces& pieces = pieces_[static_cast<std::size_t>((own + i) % parts)];
      for (auto taken = pieces.take(i == 0 && own < parts); taken.some(); taken = pieces.take(i == 0 && own < parts))
        run_pieces(taken.first, taken.last);
    }
  }

  void run_pieces(std::uint32_t first, std::uint32_t last) {
    const std::int64_t begin = count_ * first / total_, end = count_ * last / total_;
    inside_body = true;
    try {
      (*body_)(begin, end);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!error_ || begin < failed_at_) {
        error_ = std::current_exception();
        failed_at_ = begin;
      }
    }
    inside_body = false;
    pending_.fetch_sub(last - first);
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
      take_part(part);
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
  std::unique_ptr<Pieces[]> pieces_;  // of each part
  std::exception_ptr error_;          // of the lowest index that threw
  std::int64_t failed_at_ = 0;
  const RangeBody* body_ = nullptr;
  std::int64_t count_ = 0;
  std::uint32_t total_ = 0;  // pieces of the loop
  std::atomic<int> parts_{0};
  std::atomic<int> size_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::uint32_t> pending_{0};  // pieces that are not done
  std::atomic<int> sleepers_{0};
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
