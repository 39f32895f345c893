// tensor/cuda/runtime.h in a build without CUDA.
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/runtime.h"

namespace vitrine::cuda {
namespace {

thread_local Device current_device = Device::cuda_host();

[[noreturn]] void refuse(const char* what) { throw InternalError(text("cuda: ", what, " was called in a build without CUDA")); }

}  // namespace

bool is_built() { return false; }
int device_count() { return 0; }
std::string why_no_device() {
  return "this program was built without CUDA; build it with scripts/build --cuda on where the CUDA Toolkit is installed";
}
void require(int index) {
  throw Error(ExitCode::runtime, text("--device cuda:", index, " cannot be used: ", why_no_device(), ", or use --device cpu"));
}
DeviceInfo describe(int) { refuse("describe"); }
std::vector<std::pair<std::string, std::string>> versions() { return {}; }

Device current() { return current_device; }
void make_current(Device device) { current_device = device; }

void* allocate(int, std::size_t) { refuse("allocate"); }
void release(int, void*) {}
void copy_to_device(int, void*, const void*, std::size_t) { refuse("copy_to_device"); }
void copy_to_host(int, void*, const void*, std::size_t) { refuse("copy_to_host"); }
void copy_on_device(int, void* to, const void* from, std::size_t bytes) {
  run_or_record([=] { std::memcpy(to, from, bytes); });
}
void synchronize(Device) {}
void* stream() { return nullptr; }
void check_launch(const char* op) { count_launch(op); }
bool is_capturing() { return recording() != nullptr; }
unsigned* counters(std::int64_t) { refuse("counters"); }

struct Capture::State {};
Capture::Capture(Device, const std::function<void()>&) { refuse("Capture"); }
Capture::~Capture() = default;
void Capture::launch() {}
std::size_t Capture::nodes() const { return 0; }

double milliseconds(Device, const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace vitrine::cuda
