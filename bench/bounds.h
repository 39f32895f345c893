// The least time that a processor allows a kernel, and what holds it: arithmetic, or the level of memory that its tensors fit into.
//
// Time       the larger of  multiply-adds / rate + activations / rate  and  bytes / bandwidth of the level
// Level      the smallest cache that holds all of the kernel's tensors; memory where none does
// Rates      measured: multiply-adds in registers, the activation over values in L1, a stream in each level that reads as much as it writes
// Left out   sums of statistics, addresses, loads of values that come again, waiting. A kernel that reads more than it writes can beat the stream.
// Reference  Williams, Waterman, Patterson 2009, doi 10.1145/1498765.1498785 (the roofline model)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "layers/unary.h"

namespace vitrine {

// What one run of a kernel has to do.
struct KernelWork {
  double multiply_adds = 0;  // padding counted as if it were inside
  double activations = 0;    // values of the activation, its slope or both at once
  double moved = 0;          // bytes read and bytes written, each tensor once
  double footprint = 0;      // bytes of all tensors together

  void reads(std::int64_t floats);
  void writes(std::int64_t floats) { reads(floats); }
  void changes(std::int64_t floats);  // read, and written where it lies
  KernelWork times(std::int64_t copies) const;
};

struct Cache {
  int level = 1;
  std::int64_t bytes = 0;
  int processors = 1;  // that share it
};
// The data caches of the first processor, smallest first, from `folder` as Linux describes them; what sysconf knows where there is no such
// folder, and 32 KiB and 1 MiB where that knows nothing.
std::vector<Cache> data_caches(const std::filesystem::path& folder = "/sys/devices/system/cpu/cpu0/cache");

struct MemoryLevel {
  std::string name;             // "L1", "L2", "L3", "memory"
  double bytes = 0;             // that the threads have together; of memory: infinite
  double bytes_per_second = 0;  // of all threads together
};

struct MachineRates {
  int threads = 1;
  double multiply_adds = 0, activations = 0;  // a second, all threads together
  std::vector<MemoryLevel> levels;            // smallest first; the last is memory
  double loop_seconds = 0;                    // of a parallel loop over nothing: how near the processors are to each other
};
// Measured in about 0.1 s.
MachineRates measured_rates(int threads, Activation activation);
// The better of two measurements of the same threads, rate by rate: other work on the machine only ever makes them worse.
MachineRates larger_rates(const MachineRates& a, const MachineRates& b);

struct Bound {
  std::string name;  // "arithmetic", or a level
  double seconds = 0;
};
Bound bound_of(const KernelWork& work, const MachineRates& rates);

}  // namespace vitrine
