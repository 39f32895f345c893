// `vitrine bench`: what its commands share.
#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"

namespace vitrine::cli {

struct BenchCommand {
  std::string arch = "b0";
  std::int64_t batch = 16, size = 64;
  double seconds = 6;  // of measuring; training takes twice that
  bool json = false;
  DeviceChoice device;
};
// The same on a CUDA device (cli/bench_cuda.cpp).
void bench_infer_on(Device device, const BenchCommand& command);
void bench_train_on(Device device, const BenchCommand& command);
void bench_kernels_on(Device device, const BenchCommand& command);

void add_bench_experiment(CLI::App* bench, Chosen& chosen);  // cli/bench_experiment.cpp

}  // namespace vitrine::cli
