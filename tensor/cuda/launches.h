// How many kernels this thread has enqueued, by op: a small batch takes the time of its launches, not of its arithmetic, and their number
// can be told on a machine without a GPU.
#pragma once

#include <cstdint>
#include <string>
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

}  // namespace vitrine::cuda
