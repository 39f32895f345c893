#include "tensor/cuda/runtime.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <string_view>

#include "base/error.h"
#include "tensor/cuda/blas_functions.h"
#include "tensor/cuda/dnn_functions.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/nccl_functions.h"
#include "tensor/storage.h"

namespace vitrine::cuda {
namespace {

thread_local Device current_device = Device::cuda_host();
thread_local bool capturing = false;

// Throws the sentence of a CUDA call that failed.
void check(cudaError_t status, std::string_view call, const std::string& where) {
  if (status == cudaSuccess) return;
  throw Error(ExitCode::runtime,
              text("CUDA: ", call, " failed ", where, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

std::string at_device(int index) { return text("on cuda:", index); }

// Makes a GPU the runtime's current one for a scope: `current_device` and the runtime must not part ways.
class OnDevice {
 public:
  explicit OnDevice(int index) {
    cudaGetDevice(&before_);
    check(cudaSetDevice(index), "cudaSetDevice", at_device(index));
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

bool waits_for_launches() {
  static const bool waits = [] {
    const char* value = std::getenv("VITRINE_SYNC");
    return value != nullptr && std::string_view(value) == "1";
  }();
  return waits;
}

constexpr std::int64_t kCounters = 65536;

// What the launches on a GPU share. It lives as long as the process: tensors with static lifetime may outlive any other object.
struct Queue {
  cudaStream_t stream = nullptr;
  unsigned* counters = nullptr;
};

const Queue& queue_of(int index) {
  static std::mutex mutex;
  static auto* const queues = new std::deque<Queue>;
  const std::scoped_lock lock(mutex);
  while (static_cast<int>(queues->size()) <= index) queues->emplace_back();
  Queue& q = (*queues)[static_cast<std::size_t>(index)];
  if (q.stream != nullptr) return q;
  const OnDevice scope(index);
  if (q.counters == nullptr) check(cudaMalloc(&q.counters, kCounters * sizeof(unsigned)), "cudaMalloc", at_device(index));
  check(cudaMemset(q.counters, 0, kCounters * sizeof(unsigned)), "cudaMemset", at_device(index));
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize", at_device(index));
  check(cudaStreamCreateWithFlags(&q.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags", at_device(index));
  return q;
}

cudaStream_t stream_of(int index) { return queue_of(index).stream; }

std::string version_text(int version) { return text(version / 1000, ".", version % 1000 / 10); }

}  // namespace

bool is_built() { return true; }

int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

std::string why_no_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return "";
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    if (driver == 0) return "no NVIDIA driver is installed";
    return text("the NVIDIA driver supports CUDA ", version_text(driver), ", this program needs ", version_text(CUDART_VERSION),
                "; update the driver");
  }
  if (status == cudaSuccess || status == cudaErrorNoDevice) return "no NVIDIA GPU was found";
  return text("the CUDA runtime says: ", cudaGetErrorString(status));
}

void require(int index) {
  const int count = std::min(device_count(), Device::kMost);
  if (count == 0)
    throw Error(ExitCode::runtime, text("--device cuda:", index, " cannot be used: ", why_no_device(), "; use --device cpu"));
  if (index >= count) {
    throw Error(ExitCode::runtime,
                text("--device cuda:", index, " does not exist: there ", count == 1 ? "is 1 GPU" : text("are ", count, " GPUs"),
                     ", cuda:0", count == 1 ? "" : text(" to cuda:", count - 1)));
  }
  const DeviceInfo info = describe(index);
  if (info.major * 10 + info.minor < 75) {
    throw Error(ExitCode::runtime, text("--device cuda:", index, " cannot be used: ", info.name, " has compute capability ",
                                        info.major, ".", info.minor, ", at least 7.5 is needed; use --device cpu"));
  }
}

DeviceInfo describe(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties", at_device(index));
  DeviceInfo info{
      properties.name, properties.major, properties.minor, properties.multiProcessorCount, properties.totalGlobalMem, 0};
  const OnDevice scope(index);
  std::size_t total = 0;
  check(cudaMemGetInfo(&info.free_bytes, &total), "cudaMemGetInfo", at_device(index));
  return info;
}

namespace {

// What a library says, or why it cannot be used.
template <class Ask>
std::string version_or_why(Ask ask) {
  try {
    const auto v = static_cast<std::size_t>(ask());
    return text(v / 10000, ".", v % 10000 / 100, ".", v % 100);
  } catch (const Error& error) {
    return text("unusable (", error.what(), ")");
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> versions() {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  return {{"driver", driver == 0 ? "none" : version_text(driver)},
          {"CUDA runtime", version_text(runtime)},
          {"cuDNN", version_or_why([] { return dnn().GetVersion(); })},
          {"cuBLASLt", version_or_why([] { return blas().GetVersion(); })},
          {"NCCL", version_or_why([] {
             int version = 0;
             nccl().GetVersion(&version);
             return version;
           })}};
}

Device current() { return current_device; }

void make_current(Device device) {
  if (device == current_device) return;
  if (device.is_gpu()) check(cudaSetDevice(device.index), "cudaSetDevice", at_device(device.index));
  current_device = device;
}

void* allocate(int index, std::size_t bytes) {
  const OnDevice scope(index);
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is handled
    return nullptr;
  }
  check(status, "cudaMalloc", at_device(index));
  return memory;
}

void release(int index, void* memory) {
  int before = 0;
  cudaGetDevice(&before);
  if (cudaSetDevice(index) == cudaSuccess) cudaFree(memory);  // at the process's end there may be no device any more
  cudaSetDevice(before);
}

void copy_to_device(int index, void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(index)), "copying to the device", at_device(index));
  check(cudaStreamSynchronize(stream_of(index)), "copying to the device", at_device(index));
}

void copy_to_host(int index, void* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(index)), "copying to the host", at_device(index));
  check(cudaStreamSynchronize(stream_of(index)), "copying to the host", at_device(index));
}

void copy_on_device(int index, void* to, const void* from, std::size_t bytes) {
  if (index == Device::kHost) return run_or_record([=] { std::memcpy(to, from, bytes); });
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(index)), "a copy", at_device(index));
}

void synchronize(Device device) {
  if (device.is_gpu()) check(cudaStreamSynchronize(stream_of(device.index)), "cudaStreamSynchronize", at_device(device.index));
}

void* stream() { return current_device.is_gpu() ? stream_of(current_device.index) : nullptr; }

void check_launch(const char* op) {
  count_launch(op);
  if (!current_device.is_gpu()) return;
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess)
    check(status, text("launching a kernel of ", op), at_device(current_device.index));
  if (waits_for_launches() && !capturing)
    check(cudaStreamSynchronize(stream_of(current_device.index)), text("a kernel of ", op), at_device(current_device.index));
}

bool can_follow() {
  enum class Known { no_answer, yes, no };
  struct Answer {
    Known known = Known::no_answer;
  };
  Answer& answer = of_current_gpu<Answer>();
  if (answer.known == Known::no_answer) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, current_device.index), "cudaGetDeviceProperties",
          at_device(current_device.index));
    answer.known = properties.major >= 9 ? Known::yes : Known::no;
  }
  return answer.known == Known::yes;
}

bool is_capturing() { return capturing || recording() != nullptr; }

unsigned* counters(std::int64_t count) {
  if (count > kCounters) throw InternalError(text("a launch asks for ", count, " counters, there are ", kCounters));
  return queue_of(current_device.index).counters;
}

struct Capture::State {
  Device device;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  ~State() {
    if (executable != nullptr) cudaGraphExecDestroy(executable);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
};

Capture::Capture(Device device, const std::function<void()>& work) : state_(std::make_unique<State>()) {
  state_->device = device;
  const cudaStream_t stream = stream_of(device.index);
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture", at_device(device.index));
  capturing = true;
  try {
    work();
  } catch (...) {
    capturing = false;
    cudaStreamEndCapture(stream, &state_->graph);
    cudaGetLastError();  // the sentence is on its way already
    throw;
  }
  capturing = false;
  check(cudaStreamEndCapture(stream, &state_->graph), "cudaStreamEndCapture", at_device(device.index));
  check(cudaGraphInstantiate(&state_->executable, state_->graph, 0), "cudaGraphInstantiate", at_device(device.index));
}

Capture::~Capture() = default;

void Capture::launch() {
  make_current(state_->device);
  check(cudaGraphLaunch(state_->executable, stream_of(state_->device.index)), "cudaGraphLaunch",
        at_device(state_->device.index));
}

std::size_t Capture::nodes() const {
  std::size_t count = 0;
  check(cudaGraphGetNodes(state_->graph, nullptr, &count), "cudaGraphGetNodes", at_device(state_->device.index));
  return count;
}

struct SideStream::State {
  Device device;
  cudaStream_t stream = nullptr;
  cudaEvent_t fork = nullptr, joined = nullptr;
};

SideStream::SideStream() : state_(std::make_unique<State>()) {
  state_->device = current();
  const std::string where = at_device(state_->device.index);
  check(cudaStreamCreateWithFlags(&state_->stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags", where);
  check(cudaEventCreateWithFlags(&state_->fork, cudaEventDisableTiming), "cudaEventCreateWithFlags", where);
  check(cudaEventCreateWithFlags(&state_->joined, cudaEventDisableTiming), "cudaEventCreateWithFlags", where);
}

// At the process's end there may be no device any more.
SideStream::~SideStream() {
  if (state_->fork != nullptr) cudaEventDestroy(state_->fork);
  if (state_->joined != nullptr) cudaEventDestroy(state_->joined);
  if (state_->stream != nullptr) cudaStreamDestroy(state_->stream);
}

void* SideStream::follow() {
  const std::string where = at_device(state_->device.index);
  check(cudaEventRecord(state_->fork, stream_of(state_->device.index)), "cudaEventRecord", where);
  check(cudaStreamWaitEvent(state_->stream, state_->fork, 0), "cudaStreamWaitEvent", where);
  return state_->stream;
}

void SideStream::join() {
  const std::string where = at_device(state_->device.index);
  check(cudaEventRecord(state_->joined, state_->stream), "cudaEventRecord", where);
  check(cudaStreamWaitEvent(stream_of(state_->device.index), state_->joined, 0), "cudaStreamWaitEvent", where);
}

double milliseconds(Device device, const std::function<void()>& work) {
  if (!device.is_gpu()) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  const cudaStream_t stream = stream_of(device.index);
  cudaEvent_t first = nullptr, last = nullptr;
  const std::string where = at_device(device.index);
  check(cudaEventCreate(&first), "cudaEventCreate", where);
  check(cudaEventCreate(&last), "cudaEventCreate", where);
  check(cudaEventRecord(first, stream), "cudaEventRecord", where);
  work();
  check(cudaEventRecord(last, stream), "cudaEventRecord", where);
  check(cudaEventSynchronize(last), "cudaEventSynchronize", where);
  float elapsed = 0;
  check(cudaEventElapsedTime(&elapsed, first, last), "cudaEventElapsedTime", where);
  cudaEventDestroy(first);
  cudaEventDestroy(last);
  return static_cast<double>(elapsed);
}

}  // namespace vitrine::cuda
