// A kernel as a list of phases: the same source runs on a GPU and, block after block, on the host.
//
// A kernel is a callable void(const Block&) const. In it, block.each(phase) calls phase(thread) for every thread of the block and then
// lets all of them meet; what one phase leaves in shared memory the next may read. On a GPU that is __syncthreads, on the host a loop.
// Values that a thread keeps from phase to phase lie in `Registers`. No phase communicates in another way, so a kernel that is right on
// the host can differ on a GPU by nothing but the hardware's own arithmetic, which is IEEE 754 with the flags of CMakeLists.txt.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "tensor/cuda/host_device.h"

namespace vitrine::cuda {

struct Block {
  std::int64_t index;  // of this block in the grid
  int threads;
  float* shared;  // as many floats as the launch asked for

  template <class Phase>
  VITRINE_HD void each(Phase phase) const {
#ifdef __CUDA_ARCH__
    phase(static_cast<int>(threadIdx.x));
    __syncthreads();
#else
    for (int t = 0; t < threads; ++t) phase(t);
#endif
  }
};

// Count values of type T for every thread of a block, zero at first.
template <class T, int Count>
struct Registers {
#ifdef __CUDA_ARCH__
  T values[Count];
  __device__ explicit Registers(const Block&) {
    for (int i = 0; i < Count; ++i) values[i] = T(0);
  }
  __device__ T* of(int) { return values; }
#else
  std::vector<T> values;
  explicit Registers(const Block& block) : values(static_cast<std::size_t>(block.threads) * Count, T(0)) {}
  T* of(int thread) { return values.data() + static_cast<std::size_t>(thread) * Count; }
#endif
};

}  // namespace vitrine::cuda
