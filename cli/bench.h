// `vitrine bench`: what its commands share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"
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
  bool micro = false, by_loss = false;  // kernels
  std::string only;                     // of the kernels, those with this in their row
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

// UsageError unless the batch and the size make sense.
void check(const BenchCommand& command);

struct Times {
  double median_ms = 0, min_ms = 0;
  int repetitions = 0;
};
// Three rounds to warm up, then 60 repetitions or as many as fit into `seconds`, at least five.
Times time_rounds(double seconds, const std::function<void()>& round);

// One pass of Inference over the batch with 1000 classes; one training step with two.
Times time_inference(const BenchCommand& command, double seconds);
Times time_training(const BenchCommand& command, double seconds);

void run_bench_kernels(const BenchCommand& command);  // cli/bench_kernels.cpp
// The same on a CUDA device (cli/bench_cuda.cpp, cli/bench_cuda_kernels.cpp).
void bench_infer_on(Device device, const BenchCommand& command);
void bench_train_on(Device device, const BenchCommand& command);
void bench_kernels_on(Device device, const BenchCommand& command);

void add_bench_experiment(Command bench, Chosen& chosen);  // cli/bench_experiment.cpp
void add_bench_imaging(Command bench, Chosen& chosen);     // cli/imaging_commands.cpp

}  // namespace vitrine::cli
