#include "tensor/device.h"

#include <charconv>

#include "base/error.h"
#include "tensor/cuda/runtime.h"

namespace vitrine {

std::string Device::text() const {
  if (!is_cuda()) return "cpu";
  return index == kHost ? "cuda-host" : "cuda:" + std::to_string(index);
}

Device device_from_name(const std::string& name) {
  if (name == "cpu") return Device::cpu();
  if (name == "cuda-host") return Device::cuda_host();
  if (name == "auto") return cuda::device_count() > 0 ? Device::cuda(0) : Device::cpu();
  if (name == "cuda") {
    cuda::require(0);
    return Device::cuda(0);
  }
  if (name.starts_with("cuda:")) {
    int index = -1;
    const auto [end, status] = std::from_chars(name.data() + 5, name.data() + name.size(), index);
    if (status == std::errc() && end == name.data() + name.size() && index >= 0) {
      cuda::require(index);
      return Device::cuda(index);
    }
  }
  throw UsageError(text("--device is '", name, "', expected auto, cpu, cuda, cuda:N or cuda-host"));
}

}  // namespace vitrine
