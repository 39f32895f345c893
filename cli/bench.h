// `vitrine bench`: what its commands share.
#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"
#include "data/batch.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/modules/optimizer.h"

namespace vitrine::cli {

struct BenchCommand {
  std::string arch = "b0";
  std::int64_t batch = 16, size = 64;
  double seconds = 6;  // of measuring; training takes twice that
  bool json = false;
  DeviceChoice device;
};
// The steps that `bench train` measures on the CPU: a fixed batch of drawn pixels.
class BenchTraining {
 public:
  explicit BenchTraining(const BenchCommand& command);
  void step();
  double multiply_adds() const;  // of a forward pass

 private:
  EfficientNet net_;
  Batch batch_;
  Optimizer optimizer_;
  std::uint32_t steps_ = 0;
};
// The same on a CUDA device (cli/bench_cuda.cpp).
void bench_infer_on(Device device, const BenchCommand& command);
void bench_train_on(Device device, const BenchCommand& command);
void bench_kernels_on(Device device, const BenchCommand& command);

void add_bench_experiment(CLI::App* bench, Chosen& chosen);  // cli/bench_experiment.cpp

}  // namespace vitrine::cli
