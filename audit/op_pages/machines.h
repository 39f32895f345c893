// An op on every set of kernels of this machine: whether the bits are equal, and how long it takes.
#pragma once

#include "audit/op_pages/example.h"

namespace vitrine::op_pages {

struct KernelSet {
  std::string name;                  // "scalar", "AVX2", "AVX-512", "CUDA portable on cuda:0", "CUDA portable on the host"
  bool available = false;            // on this machine
  bool same_bits = false;            // output and gradients, as those of scalar code, for the worked and the large example
  double forward = 0, backward = 0;  // seconds of the large example, the least of several; 0 where nothing was measured
};

// The process's set, tier and threads are as before when it returns. Times of CUDA's kernels on the host are not measured: they say nothing.
std::vector<KernelSet> kernel_sets(std::string_view op, bool measure);

}  // namespace vitrine::op_pages
