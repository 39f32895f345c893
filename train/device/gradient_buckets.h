// Gradients that are added over the devices while the backward pass still runs (--reduce nccl): as soon as those of a bucket are there, they are
// packed side by side and their sums begin, beside the rest of the pass.
//
// Reference  Li et al. 2020, PyTorch Distributed, VLDB 13(12), section 3.2.3 (buckets and overlap)
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "autograd/observer.h"
#include "autograd/tape.h"

namespace vitrine {

class GradientBuckets : public TapeObserver {
 public:
  // Of the device `device`, within the scope of its communicator. A bucket is full at kBytes.
  explicit GradientBuckets(Device device) : device_(device) {}
  static constexpr std::int64_t kBytes = 4 << 20;  // a quarter of b0's gradients: few launches, and the first sums begin early

  void leaf_gradient(const TapeEntry& leaf, const Tensor& gradient) override;
  // After the backward pass: begins the last bucket, waits for all in the order of the device, and puts each sum in the place of its gradient.
  void finish(Gradients& gradients);

 private:
  struct Bucket {
    std::vector<const Parameter*> parameters;
    std::vector<Tensor> gradients;
    std::int64_t count = 0;  // of floats
    Tensor sums;
  };
  void begin(Bucket& bucket);

  Device device_;
  std::vector<Bucket> buckets_;  // the last one is open
};

}  // namespace vitrine
