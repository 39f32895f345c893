// The functions of libcudart that the program calls, for a device that is not there (tests/stand_in/device.h).
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "tests/stand_in/device.h"

namespace vitrine::stand_in {
namespace {

struct Graph {
  const void* origin = nullptr;        // the stream that is recorded
  std::set<const void*> forked, busy;  // streams that joined in, and those of them with work that nothing waits for yet
  std::size_t nodes = 0, exchanges = 0, bytes = 0, beside = 0;
};

struct Launch {
  dim3 grid, block;
  std::size_t shared = 0;
  void* stream = nullptr;
};

std::mutex mutex;
std::map<char*, std::size_t> blocks;  // of device memory
std::size_t bytes_in_use = 0;
std::map<const void*, const void*> streams_of_events;  // where an event was recorded last
std::set<const void*> timing_events;
std::atomic<long> launches{0};
thread_local Graph* recorded = nullptr;
thread_local int current = 0;
thread_local Launch pushed;
thread_local bool has_fastest = false, had_fastest = false;          // since the last event that times; between the two before
thread_local cudaError_t last = cudaSuccess, failure = cudaSuccess;  // of a call; of a kernel, known when it is waited for

long setting(const char* name, long otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? std::atol(value) : otherwise;
}

std::size_t total_bytes() { return static_cast<std::size_t>(setting("STAND_IN_MIB", 81920)) << 20; }

// Kernels register themselves before main, so these are made when they are first asked for.
std::map<const void*, std::string>& kernels() {
  static std::map<const void*, std::string> names;
  return names;
}

// By kernel, where scripts/check-kernels wrote them.
const std::map<std::string, std::size_t>& registers() {
  static const std::map<std::string, std::size_t> all = [] {
    std::map<std::string, std::size_t> read;
    std::ifstream file(STAND_IN_REGISTERS);
    std::string name;
    for (std::size_t count = 0; file >> name >> count;) read[name] = count;
    return read;
  }();
  return all;
}

template <class T>
T* made() {
  return static_cast<T*>(std::calloc(1, 8));
}

void check_launch(const Launch& l, const std::string& kernel) {
  const std::size_t threads = std::size_t{l.block.x} * l.block.y * l.block.z;
  if (threads == 0 || threads > 1024) broken("a block has 1 to 1,024 threads", kernel.c_str());
  if (l.grid.x == 0 || l.grid.y == 0 || l.grid.z == 0) broken("a grid has blocks", kernel.c_str());
  if (l.grid.x > 2147483647u || l.grid.y > 65535 || l.grid.z > 65535) broken("a grid's sides are bounded", kernel.c_str());
  // A kernel's own static shared memory is a flag.
  if (l.shared + 16 > 48 * 1024) broken("a block has 48 KiB of shared memory", kernel.c_str());
  const auto known = registers().find(kernel);
  if (known == registers().end()) return;
  // A warp's registers come in units of 256, warps are placed by fours.
  const std::size_t warps = ((threads + 31) / 32 + 3) / 4 * 4, of_warp = (known->second * 32 + 255) / 256 * 256;
  if (warps * of_warp > 65536) broken("a block has 65,536 registers", kernel.c_str());
}

}  // namespace

void broken(const char* rule, const char* where) {
  std::fprintf(stderr, "stand-in GPU: broken rule: %s (%s)\n", rule, where);
  std::_Exit(99);
}

bool holds(const void* memory, std::size_t bytes) {
  const std::scoped_lock lock(mutex);
  auto* const address = const_cast<char*>(static_cast<const char*>(memory));
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return false;
  --after;
  return address + bytes <= after->first + after->second;
}

bool is_recording() { return recorded != nullptr; }

void enqueue(const void* stream, const char* what) {
  if (stream == nullptr) broken("all work goes to the program's own stream", what);
  const char* const fastest = std::getenv("STAND_IN_FASTEST");
  has_fastest = has_fastest || (fastest != nullptr && std::strstr(what, fastest) != nullptr);
  if (recorded != nullptr) {
    ++recorded->nodes;
    if (stream == recorded->origin) {
      recorded->beside += recorded->busy.empty() ? 0 : 1;
    } else if (recorded->forked.contains(stream)) {
      recorded->busy.insert(stream);
    } else {
      broken("a second stream follows the recorded one", what);
    }
  }
  if (++launches == setting("STAND_IN_FAILS", 0)) failure = cudaErrorLaunchFailure;
}

void add_beside(std::size_t bytes) {
  if (recorded == nullptr) return;
  ++recorded->exchanges;
  recorded->bytes += bytes;
}

}  // namespace vitrine::stand_in

using namespace vitrine::stand_in;

extern "C" {

void** __cudaRegisterFatBinary(void*) { return made<void*>(); }
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void**, const char* function, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*, int*) {
  kernels()[function] = name;
}
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared, void* stream) {
  pushed = {grid, block, shared, stream};
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
  *grid = pushed.grid;
  *block = pushed.block;
  *shared = pushed.shared;
  std::memcpy(stream, &pushed.stream, sizeof pushed.stream);
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = static_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void**, std::size_t shared, cudaStream_t stream) {
  const std::string& name = kernels()[kernel];
  check_launch({grid, block, shared, stream}, name);
  enqueue(stream, name.c_str());
  return cudaSuccess;
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* how, const void* function, void**) {
  const std::string& name = kernels()[function];
  if (how->numAttrs > 0 && setting("STAND_IN_CAPABILITY", 90) < 90)
    broken("kernels follow each other from 9.0 on", name.c_str());
  check_launch({how->gridDim, how->blockDim, how->dynamicSmemBytes, how->stream}, name);
  enqueue(how->stream, name.c_str());
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(setting("STAND_IN_GPUS", 1));
  if (setting("STAND_IN_DRIVER", 13000) < 13000) return cudaErrorInsufficientDriver;
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  *p = {};
  std::strcpy(p->name, "stand-in");
  p->major = static_cast<int>(setting("STAND_IN_CAPABILITY", 90) / 10);
  p->minor = static_cast<int>(setting("STAND_IN_CAPABILITY", 90) % 10);
  p->multiProcessorCount = 132;
  p->totalGlobalMem = total_bytes();
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int index) {
  current = index;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* index) {
  *index = current;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const std::scoped_lock lock(mutex);
  *total = total_bytes();
  *free = *total - bytes_in_use;
  return cudaSuccess;
}
cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  const std::scoped_lock lock(mutex);
  const std::size_t pages = (bytes + 4095) / 4096 * 4096;
  if (bytes_in_use + pages > total_bytes()) return last = cudaErrorMemoryAllocation;
  *memory = ::mmap(nullptr, pages, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  blocks[static_cast<char*>(*memory)] = pages;
  bytes_in_use += pages;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  const std::scoped_lock lock(mutex);
  const auto block = blocks.find(static_cast<char*>(memory));
  if (block == blocks.end()) broken("only blocks of the device are freed", "cudaFree");
  if (is_recording()) broken("nothing is freed while a graph is recorded", "cudaFree");
  ::munmap(memory, block->second);
  bytes_in_use -= block->second;
  blocks.erase(block);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const bool reads = kind != cudaMemcpyHostToDevice, writes = kind != cudaMemcpyDeviceToHost;
  if (is_recording() && !(reads && writes)) broken("the host copies nothing while a graph is recorded", "cudaMemcpyAsync");
  if (reads && !holds(from, bytes)) broken("a copy's source lies on the device", "cudaMemcpyAsync");
  if (writes && !holds(to, bytes)) broken("a copy's target lies on the device", "cudaMemcpyAsync");
  enqueue(stream, "cudaMemcpyAsync");
  if (!writes) std::memset(to, 0, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* memory, int, std::size_t bytes) {
  if (is_recording() || !holds(memory, bytes)) broken("device memory is cleared before anything is recorded", "cudaMemset");
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  if (is_recording()) broken("nothing is waited for while a graph is recorded", "cudaDeviceSynchronize");
  return failure;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = made<CUstream_st>();
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  if (is_recording()) broken("nothing is waited for while a graph is recorded", "cudaStreamSynchronize");
  return failure;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  std::free(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (recorded == nullptr) return cudaSuccess;
  const std::scoped_lock lock(mutex);
  const void* const from = streams_of_events[event];
  if (from != recorded->origin && !recorded->forked.contains(from))
    broken("what is waited for is recorded in the same graph", "cudaStreamWaitEvent");
  if (stream == recorded->origin) {
    recorded->busy.erase(from);
  } else {
    recorded->forked.insert(stream);
  }
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (is_recording()) broken("one graph is recorded at a time", "cudaStreamBeginCapture");
  recorded = new Graph;
  recorded->origin = stream;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  if (!recorded->busy.empty()) broken("a second stream is joined before the graph ends", "cudaStreamEndCapture");
  if (const char* const file = std::getenv("STAND_IN_COUNTS")) {
    const std::scoped_lock lock(mutex);
    std::ofstream(file, std::ios::app) << recorded->nodes << " nodes, " << recorded->exchanges << " exchanges, "
                                       << recorded->bytes << " bytes, " << recorded->beside << " beside\n";
  }
  *graph = reinterpret_cast<cudaGraph_t>(recorded);
  recorded = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t, unsigned long long) {
  *executable = made<CUgraphExec_st>();
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t stream) {
  if (is_recording()) broken("a graph is not launched while another is recorded", "cudaGraphLaunch");
  enqueue(stream, "cudaGraphLaunch");
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, std::size_t* count) {
  *count = reinterpret_cast<const Graph*>(graph)->nodes;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  std::free(executable);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = made<CUevent_st>();
  const std::scoped_lock lock(mutex);
  timing_events.insert(*event);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (flags != cudaEventDisableTiming) broken("an event that orders streams takes no time", "cudaEventCreateWithFlags");
  *event = made<CUevent_st>();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  {
    const std::scoped_lock lock(mutex);
    timing_events.erase(event);
  }
  std::free(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const std::scoped_lock lock(mutex);
  if (is_recording() && timing_events.contains(event)) broken("nothing is timed while a graph is recorded", "cudaEventRecord");
  streams_of_events[event] = stream;
  if (timing_events.contains(event)) {
    had_fastest = has_fastest;
    has_fastest = false;
  }
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return failure; }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = had_fastest ? 0.5f : 1.0f;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t status = last;
  last = cudaSuccess;
  return status;
}
const char* cudaGetErrorString(cudaError_t status) {
  return status == cudaErrorLaunchFailure ? "unspecified launch failure" : "an error";
}
const char* cudaGetErrorName(cudaError_t status) {
  return status == cudaErrorLaunchFailure ? "cudaErrorLaunchFailure" : "cudaError";
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = static_cast<int>(setting("STAND_IN_DRIVER", 13000));
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

// cuBLASLt, cuDNN and NCCL are loaded by name.
void* dlopen(const char* name, int flags) noexcept {
  using Open = void* (*)(const char*, int);
  static const auto real = reinterpret_cast<Open>(::dlsym(RTLD_NEXT, "dlopen"));
  if (name == nullptr) return real(name, flags);
  for (const char* library : {"cublasLt", "cudnn", "nccl"}) {
    if (std::strstr(name, library) != nullptr) return real(STAND_IN_LIBRARIES, RTLD_NOW);
  }
  return real(name, flags);
}

}  // extern "C"
