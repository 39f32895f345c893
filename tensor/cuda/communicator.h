// Devices that train together: each has a thread, a rank, and takes part in every exchange.
//
// Values are gathered from all ranks and added by the receiver in rank order, so the order of every sum is fixed; or NCCL adds them, in an
// order of its own that repeats on equal machines. On GPUs NCCL moves the bytes; ranks on cuda-host exchange them through memory, which tests
// the logic on machines without GPUs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "tensor/device.h"

namespace vitrine::cuda {

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // out [size][bytes]: every rank's `bytes` at `in`, in rank order. On a GPU in the order of its stream.
  virtual void all_gather(const void* in, void* out, std::size_t bytes) = 0;
  // values [count] become their sums over the ranks, beside what the device does from here on; `join`: what follows comes after all of
  // them. Ranks begin the same sums in the same order. On cuda-host at once, in rank order.
  virtual void begin_sum(float* values, std::size_t count) = 0;
  virtual void join() = 0;
  // After a failure: the others' exchanges end with an Error instead of waiting for this rank. Any thread may call it. On a GPU it returns
  // only when the recorded graphs that hold the communicator are gone.
  virtual void abort() = 0;
};

// One for each device, in their order. UsageError unless all are different GPUs or all are cuda-host; Error when NCCL fails.
std::vector<std::unique_ptr<Communicator>> communicators(const std::vector<Device>& devices);
// The same with NCCL; InternalError in a build without CUDA.
std::vector<std::unique_ptr<Communicator>> nccl_communicators(const std::vector<Device>& devices);

// The one that this thread's ops exchange statistics with; null where a device trains alone.
Communicator* communicator();
class CommunicatorScope {
 public:
  explicit CommunicatorScope(Communicator* c);
  ~CommunicatorScope();
  CommunicatorScope(const CommunicatorScope&) = delete;
  CommunicatorScope& operator=(const CommunicatorScope&) = delete;

 private:
  Communicator* before_;
};

}  // namespace vitrine::cuda
