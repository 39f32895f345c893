// Launching kernels on the current device (tensor/cuda/runtime.h). `op` names the op in the sentence of a failed launch.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "tensor/cuda/block.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/runtime.h"
#include "tensor/parallel.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#endif

namespace vitrine::cuda {

// The threads that a kernel is started with at most and the blocks that a processor is to hold, which bound the registers that it may take.
template <class Kernel>
constexpr int most_threads() {
  if constexpr (requires { Kernel::kThreads; }) {
    return Kernel::kThreads;
  } else {
    return 256;
  }
}
template <class Kernel>
constexpr int blocks_at_once() {
  if constexpr (requires { Kernel::kBlocksAtOnce; }) {
    return Kernel::kBlocksAtOnce;
  } else {
    return most_threads<Kernel>() <= 256 ? 2 : 1;
  }
}

// Said on the host too, so that every machine's tests hold a launch to what its kernel was compiled for.
template <class Kernel>
void expect_threads(const char* op, int threads) {
  if (threads > most_threads<Kernel>())
    throw InternalError(text("a kernel of ", op, " is started with ", threads, " threads and compiled for ",
                             most_threads<Kernel>(), "; give it a kThreads"));
}

#ifdef __CUDACC__
// Kernels of one stream follow each other at once: once this one has all its blocks on the processors, the next is brought there, and waits for
// this one's results. One alone waits: those behind it would take the room of those that work.
__device__ inline void follow() {
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

// kernel<<<grid, threads, shared>>>(arguments...) on the current device's stream. Every kernel starts with follow().
template <class... Parameters, class... Arguments>
void start(void (*kernel)(Parameters...), dim3 grid, dim3 threads, std::size_t shared, Arguments... arguments) {
  cudaLaunchConfig_t how{};
  how.gridDim = grid;
  how.blockDim = threads;
  how.dynamicSmemBytes = shared;
  how.stream = static_cast<cudaStream_t>(stream());
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  how.attrs = &early;
  how.numAttrs = can_follow() ? 1 : 0;
  static_cast<void>(cudaLaunchKernelEx(&how, kernel, Parameters(arguments)...));  // check_launch looks at the last error
}

template <class Body>
__global__ void run_each(std::int64_t n, Body body) {
  follow();
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) body(i);
}

template <class Body>
__global__ void run_rows(std::int64_t rows, std::int64_t C, Body body) {
  follow();
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  if (c >= C) return;
  for (std::int64_t r = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; r < rows; r += step) body(r, c);
}

template <class Kernel>
__global__ void __launch_bounds__(most_threads<Kernel>(), blocks_at_once<Kernel>()) run_block(Kernel kernel) {
  extern __shared__ __align__(16) float shared[];
  follow();
  kernel(Block{static_cast<std::int64_t>(blockIdx.x), static_cast<int>(blockDim.x), shared});
}

// `arrived`: a counter for each group, zero before and after.
template <class Kernel, class Finish>
__global__ void __launch_bounds__(most_threads<Kernel>(), blocks_at_once<Kernel>())
    run_groups(std::int64_t groups, unsigned members, unsigned* arrived, Kernel kernel, Finish finish) {
  extern __shared__ __align__(16) float shared[];
  __shared__ bool is_last;
  follow();
  const std::int64_t group = static_cast<std::int64_t>(blockIdx.x) % groups;
  kernel(Block{static_cast<std::int64_t>(blockIdx.x), static_cast<int>(blockDim.x), shared});
  if (threadIdx.x == 0) {
    __threadfence();  // what this block wrote is seen by whoever sees that it has arrived
    is_last = atomicAdd(arrived + group, 1u) == members - 1;
    if (is_last) arrived[group] = 0;
    __threadfence();
  }
  __syncthreads();
  if (is_last) finish(Block{group, static_cast<int>(blockDim.x), shared});
}
#endif

// body(i) for 0 <= i < n, a thread each.
template <class Body>
void for_each(const char* op, std::int64_t n, Body body) {
  if (n <= 0) return;
  if (!current().is_gpu()) {
    run_or_record([=] {
      parallel_for(n, 2048, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) body(i);
      });
    });
    return check_launch(op);
  }
#ifdef __CUDACC__
  constexpr int kThreads = 256;
  constexpr std::int64_t kMostBlocks = 1 << 16;
  const std::int64_t blocks = (n + kThreads - 1) / kThreads;
  start(run_each<Body>, static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks), kThreads, 0, n, body);
#endif
  check_launch(op);
}

// body(r, c) for 0 <= r < rows and 0 <= c < C, a thread each; neighbours in a warp differ in c first.
template <class Body>
void for_rows(const char* op, std::int64_t rows, std::int64_t C, Body body) {
  if (rows <= 0 || C <= 0) return;
  if (!current().is_gpu()) {
    run_or_record([=] {
      parallel_for(rows, 1 + 2048 / C, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r) {
          for (std::int64_t c = 0; c < C; ++c) body(r, c);
        }
      });
    });
    return check_launch(op);
  }
#ifdef __CUDACC__
  constexpr std::int64_t kThreads = 256, kColumns = 128, kMostRows = 1 << 15;
  const std::int64_t width = C <= kThreads ? C : kColumns, height = kThreads / width, blocks = (rows + height - 1) / height;
  const dim3 grid(static_cast<unsigned>((C + width - 1) / width),
                  static_cast<unsigned>(blocks < kMostRows ? blocks : kMostRows));
  start(run_rows<Body>, grid, dim3(static_cast<unsigned>(width), static_cast<unsigned>(height)), 0, rows, C, body);
#endif
  check_launch(op);
}

// On the host.
template <class Kernel>
void run_blocks(std::int64_t blocks, int threads, std::size_t shared, const Kernel& kernel) {
  parallel_for(blocks, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> memory(shared + 4);
    for (std::int64_t b = first; b < last; ++b) kernel(Block{b, threads, memory.data()});
  });
}

// kernel(block) for `blocks` blocks of `threads` threads, at most Kernel::kThreads or 256, that share `shared` floats (at most 12,288).
template <class Kernel>
void for_blocks(const char* op, std::int64_t blocks, int threads, std::size_t shared, Kernel kernel) {
  expect_threads<Kernel>(op, threads);
  if (blocks <= 0) return;
  if (!current().is_gpu()) {
    run_or_record([=] { run_blocks(blocks, threads, shared, kernel); });
    return check_launch(op);
  }
#ifdef __CUDACC__
  start(run_block<Kernel>, static_cast<unsigned>(blocks), static_cast<unsigned>(threads), shared * sizeof(float), kernel);
#endif
  check_launch(op);
}

// kernel(block) for groups * members blocks, block `index` being of group index % groups; then, once all of a group are done,
// finish(block) with the group's index in block.index: by the last of them on a GPU. Every block ends with block.each.
template <class Kernel, class Finish>
void for_groups(const char* op, std::int64_t groups, std::int64_t members, int threads, std::size_t shared, Kernel kernel,
                Finish finish) {
  expect_threads<Kernel>(op, threads);
  if (groups <= 0 || members <= 0) return;
  if (!current().is_gpu()) {
    run_or_record([=] {
      run_blocks(groups * members, threads, shared, kernel);
      run_blocks(groups, threads, shared, finish);
    });
    return check_launch(op);
  }
#ifdef __CUDACC__
  start(run_groups<Kernel, Finish>, static_cast<unsigned>(groups * members), static_cast<unsigned>(threads),
        shared * sizeof(float), groups, static_cast<unsigned>(members), counters(groups), kernel, finish);
#endif
  check_launch(op);
}

}  // namespace vitrine::cuda
