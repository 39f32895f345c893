// Where a tensor's memory lies and its ops run.
//
// cuda:0, cuda:1, ... are GPUs. `cuda-host` runs the CUDA code's own kernels on the host, block by block (tensor/cuda/block.h): slow,
// but every index and every rounding of them is then checked on machines without a GPU.
#pragma once

#include <string>

namespace vitrine {

struct Device {
  enum class Kind { cpu, cuda };
  static constexpr int kHost = -1;  // index of cuda-host
  static constexpr int kMost = 64;  // GPUs

  Kind kind = Kind::cpu;
  int index = 0;

  static Device cpu() { return {}; }
  static Device cuda(int index) { return {Kind::cuda, index}; }
  static Device cuda_host() { return {Kind::cuda, kHost}; }

  bool is_cuda() const { return kind == Kind::cuda; }
  bool is_gpu() const { return is_cuda() && index != kHost; }
  bool operator==(const Device&) const = default;

  std::string text() const;  // "cpu", "cuda:0", "cuda-host"
};

// The device that an option names: cpu, cuda (the first GPU), cuda:N, cuda-host, or auto (the first GPU if there is one, else the CPU).
// UsageError for another word; Error (exit code 1) for a GPU that is not there, saying why.
Device device_from_name(const std::string& name);

}  // namespace vitrine
