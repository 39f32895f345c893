// What this thread enqueues: counted by op, because a small batch takes the time of its launches, not of its arithmetic, and their number
// can be told on a machine without a GPU; and on cuda-host kept instead of run while a graph is recorded (tensor/cuda/graph.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::cuda {

void count_launch(const char* op);  // by check_launch (tensor/cuda/runtime.h)

struct Launches {
  std::string op;
  std::uint64_t count;
};
// Since the last reset, most first. A call of cuBLASLt or cuDNN counts as one.
std::vector<Launches> launches();
std::uint64_t launch_count();
void reset_launches();

using Recording = std::vector<std::function<void()>>;
Recording* recording();  // null while this thread records nothing
class RecordingScope {
 public:
  explicit RecordingScope(Recording& to);
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;
};

// Work of cuda-host: done at once, or kept. It holds its arguments by value, as a launch on a GPU does.
template <class Work>
void run_or_record(Work work) {
  if (Recording* const kept = recording()) {
    kept->push_back(std::move(work));
  } else {
    work();
  }
}

}  // namespace vitrine::cuda
