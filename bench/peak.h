// The processor's own limit: what share of it a kernel reaches is the figure that can be compared between machines.
#pragma once

#include <cstdint>

namespace vitrine {

// Floating-point operations per second of independent multiply-adds in registers, all threads at once; best of five short runs
// (about 50 ms together).
double measured_peak_flops();

namespace kernels {

struct PeakKernels {
  std::int64_t (*multiply_adds)(std::int64_t rounds);  // runs that many rounds; returns how many scalar multiply-adds they were
};
const PeakKernels& peak_kernels();

}  // namespace kernels
}  // namespace vitrine
