// The CUDA devices that a test can use, and a tier of the CUDA back end for one scope.
#pragma once

#include <vector>

#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::testing {

// cuda-host always, the first GPU where there is one.
inline std::vector<Device> cuda_devices() {
  std::vector<Device> devices{Device::cuda_host()};
  if (cuda::device_count() > 0) devices.push_back(Device::cuda(0));
  return devices;
}

class TierScope {
 public:
  explicit TierScope(cuda::Tier tier) : before_(cuda::settings().tier) { cuda::settings().tier = tier; }
  ~TierScope() { cuda::settings().tier = before_; }
  TierScope(const TierScope&) = delete;
  TierScope& operator=(const TierScope&) = delete;

 private:
  cuda::Tier before_;
};

class KernelsScope {
 public:
  explicit KernelsScope(cuda::Kernels kernels) : before_(cuda::settings().kernels) { cuda::settings().kernels = kernels; }
  ~KernelsScope() { cuda::settings().kernels = before_; }
  KernelsScope(const KernelsScope&) = delete;
  KernelsScope& operator=(const KernelsScope&) = delete;

 private:
  cuda::Kernels before_;
};

class PrecisionScope {
 public:
  explicit PrecisionScope(cuda::Precision precision) : before_(cuda::settings().precision) {
    cuda::settings().precision = precision;
  }
  ~PrecisionScope() { cuda::settings().precision = before_; }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  cuda::Precision before_;
};

}  // namespace vitrine::testing
