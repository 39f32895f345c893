#include "bench/peak.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace kernels {

namespace scalar {
extern const PeakKernels peak_table;
}
namespace avx2 {
extern const PeakKernels peak_table;
}
namespace avx512 {
extern const PeakKernels peak_table;
}

const PeakKernels& peak_kernels() { return for_this_machine(scalar::peak_table, avx2::peak_table, avx512::peak_table); }

}  // namespace kernels

double measured_peak_flops() { return measured_peak_flops(thread_count()); }

double measured_peak_flops(int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t kRounds = 2000000;
  const bool slow = active_isa() == Isa::scalar;
  std::vector<std::int64_t> done(static_cast<std::size_t>(threads));
  double best = 0;
  for (int run = 0; run < 5; ++run) {
    const auto start = Clock::now();
    parallel_for(threads, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t t = first; t < last; ++t)
        done[static_cast<std::size_t>(t)] = kernels::peak_kernels().multiply_adds(slow ? kRounds / 20 : kRounds);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    double operations = 0;
    for (const std::int64_t n : done) operations += 2.0 * static_cast<double>(n);
    best = std::max(best, operations / seconds);
  }
  return best;
}

}  // namespace vitrine
