// The processor's own limit: what share of it a kernel reaches is the figure that can be compared between machines.
#pragma once

#include <cstdint>

namespace vitrine {

// Floating-point operations per second of independent multiply-adds in registers, that many threads at once (all of the pool where nothing is
// said); best of five short runs (about 50 ms together).
double measured_peak_flops();
double measured_peak_flops(int threads);

namespace kernels {

struct PeakKernels {
  std::int64_t (*multiply_adds)(std::int64_t rounds);  // runs that many rounds; returns how many scalar multiply-adds they were
  // to = from + 1 over n floats, that many times: a stream that reads as much as it writes. n a multiple of 64.
  void (*stream)(const float* from, std::int64_t n, std::int64_t rounds, float* to);
};
const PeakKernels& peak_kernels();

}  // namespace kernels
}  // namespace vitrine
