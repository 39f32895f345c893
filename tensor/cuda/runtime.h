// What the rest of the program needs of the CUDA runtime, without its headers: devices, memory, order, graphs.
//
// All work of a device goes to one stream, in the order of the calls; only `synchronize` and copies to or from the host wait for it.
// Errors are Error with exit code 1, one sentence that names the call and the op. With VITRINE_SYNC=1 in the environment every launch
// is waited for, so that a failing kernel is named and not a later one. In a build without CUDA there are no devices.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensor/device.h"

namespace vitrine::cuda {

bool is_built();              // this program was built with CUDA
int device_count();           // 0 without a driver
std::string why_no_device();  // one sentence; empty when there is one
void require(int index);      // Error unless GPU `index` can be used

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int processors = 0;        // streaming multiprocessors
  std::size_t total_bytes = 0, free_bytes = 0;
};
DeviceInfo describe(int index);
// Names and versions of the libraries this program is built with, and of the driver: {"driver", "13.0"}, ...
std::vector<std::pair<std::string, std::string>> versions();

// The device that kernels launched by this thread run on.
Device current();
void make_current(Device device);

// `table` for kernels on `device`, which becomes this thread's current one.
template <class Table>
const Table& on(Device device, const Table& table) {
  make_current(device);
  return table;
}

void* allocate(int index, std::size_t bytes);  // plain device memory; null when there is not enough
void release(int index, void* memory);
void copy_to_device(int index, void* to, const void* from, std::size_t bytes);  // returns when `from` may change
void copy_to_host(int index, void* to, const void* from, std::size_t bytes);    // waits for the stream
void copy_on_device(int index, void* to, const void* from, std::size_t bytes);  // cuda-host as well
void synchronize(Device device);

void* stream();                     // of the current device: a cudaStream_t
bool can_follow();                  // whether a kernel may be brought to it while the one before runs: compute capability 9.0
void check_launch(const char* op);  // after a launch on the current device: counts it, throws what is wrong with it
bool is_capturing();                // this thread records a graph: nothing can be waited for
// `count` zeros of the current device's memory, at most 65,536: kernels that count with them leave zeros behind, and those of a device run
// one after the other.
unsigned* counters(std::int64_t count);

// One T for each GPU, made when it is first asked for: what a library needs there. A GPU is used by one thread at a time.
template <class T>
T& of_current_gpu() {
  static auto* const all = new std::array<T, Device::kMost>;  // as long as the process, like what tensors hold
  return (*all)[static_cast<std::size_t>(current().index)];
}

// What `work` enqueues on a GPU, recorded by the CUDA runtime; it does not run. tensor/cuda/graph.h gives it memory of its own.
class Capture {
 public:
  Capture(Device device, const std::function<void()>& work);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void launch();
  std::size_t nodes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A second order of work on the current GPU: what goes to its stream runs beside the first one's, and is recorded with it.
class SideStream {
 public:
  SideStream();
  ~SideStream();
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;

  void* follow();  // a cudaStream_t, after all that the device's stream has been given so far
  void join();     // the device's stream goes on after all that this one has been given

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Milliseconds that the device spends on `work`, between two events of its stream. On cuda-host: of the host's clock.
double milliseconds(Device device, const std::function<void()>& work);

}  // namespace vitrine::cuda
