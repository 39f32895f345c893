// The CUDA back end against the CPU, op by op: what `vitrine doctor --self-test` runs. Seconds.
#pragma once

#include <string>
#include <vector>

#include "tensor/device.h"

namespace vitrine {

struct SelfTestLine {
  std::string op;
  bool same_bits = false;  // portable tier: output, every gradient and statistic as the CPU's
  double difference = 0;   // run-to-run tier: largest, as a share of the largest element of its tensor
  double in_bf16 = 0;      // the same with --precision bf16
  bool passed = false;     // same bits, the difference at most 1e-4, in bf16 at most 0.1
};

// Draws inputs for every op and block, runs forward and backward on the CPU and on `device` in both tiers.
std::vector<SelfTestLine> cuda_self_test(Device device);

}  // namespace vitrine
