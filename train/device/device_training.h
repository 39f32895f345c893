// Training on a CUDA device: images, weights, moments and the epoch's random draws lie there, and a step is one recorded graph.
//
// The host draws what an epoch needs (views, mixes, update constants) and uploads it at once; within the epoch it only replays the
// graph. Every draw and every sum is that of train/trainer.h, so in the portable tier the weights have the CPU's bits.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "tensor/cuda/graph.h"
#include "train/device/batch_cuda.h"
#include "train/device/epoch_training.h"

namespace vitrine {

// Which part of every batch a device takes: the rank-th of `count` equal ones.
struct DeviceShare {
  int rank = 0, count = 1;
};

class DeviceTraining {
 public:
  // net lies on the device; all three outlive this. With several devices, run_epoch is called by a thread each, within the scope of its
  // communicator.
  DeviceTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options,
                 DeviceShare share = {});

  // The steps of an epoch from `first_step` on over `order`, rates[i] those of step i. The loss of each step; a loss that is not finite is
  // for the caller to refuse.
  std::vector<double> run_epoch(const std::vector<int>& order, std::uint32_t epoch, const std::vector<StepRates>& rates,
                                std::size_t first_step = 0);

  std::size_t nodes() const;  // of the graph of a whole batch; 0 before it is recorded

 private:
  struct Step {  // of one batch size
    Tensor views, images, targets;
    std::unique_ptr<cuda::Graph> graph;
    int runs = 0;
  };

  void upload_plans(const std::vector<int>& order, std::uint32_t epoch, const std::vector<StepRates>& rates,
                    std::size_t first_step);
  cuda::StepDraws step_plan(const StepRates& rates, const DropKey& key);
  void run_step(std::int64_t N);
  void run_or_explain(std::int64_t N);
  std::size_t peak_of_step(std::int64_t N);
  void enqueue(Step& step, std::int64_t N);
  void add_over_devices(std::vector<Optimizer::Target>& targets) const;
  template <class T>
  T* memory_of(Tensor& room) {
    return reinterpret_cast<T*>(room.mutable_data<std::uint8_t>());
  }

  EfficientNet& net_;
  Optimizer& optimizer_;
  const Dataset& data_;
  const TrainOptions& options_;
  DeviceShare share_;
  Device device_;
  Tensor images_;                                     // the data set
  Tensor samples_, steps_, now_, position_, losses_;  // bytes of SamplePlan, StepDraws, StepDraws, int32; float32
  std::map<std::string, double> scales_;
  Frozen frozen_;  // in this epoch
  std::map<std::int64_t, Step> recorded_;
};

}  // namespace vitrine
