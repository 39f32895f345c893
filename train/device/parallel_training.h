// Data-parallel training: one replica of the network on each device, a share of every batch each.
//
// Batch norm takes its statistics over the whole batch: the devices' partial sums are gathered (layers/blocks/batch_statistics.h). Gradients are
// gathered and added in rank order, so all replicas keep the same bits. With one device it is train/device/device_training.h itself.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "nn/efficientnet/inference.h"
#include "tensor/cuda/communicator.h"
#include "train/device/device_training.h"

namespace vitrine {

class ParallelTraining : public EpochTraining {
 public:
  // net lies on devices.front(); the others get copies. UsageError unless the batch size is a multiple of the number of devices.
  ParallelTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options);
  ~ParallelTraining() override;

  // Losses are means over the devices. A last batch that does not divide evenly loses its last samples.
  std::vector<double> run_epoch(const std::vector<int>& order, std::uint32_t epoch, const std::vector<StepRates>& rates,
                                const EpochWatch& watch, std::size_t first_step = 0) override;
  // On the first device. What the calls before planned and recorded is used again.
  std::vector<std::vector<double>> predictions(const std::vector<Tensor>& images) override;

  std::size_t nodes() const { return trainings_.front()->nodes(); }  // of the first device's graph, as DeviceTraining::nodes
  EfficientNet& network(int rank) { return rank == 0 ? net_ : replicas_[static_cast<std::size_t>(rank - 1)]->net; }

 private:
  std::vector<double> means_over_devices(const std::vector<int>& order, std::uint32_t epoch,
                                         const std::vector<StepRates>& rates, std::size_t first_step);

  struct Replica {
    EfficientNet net;
    Optimizer optimizer;
  };
  EfficientNet& net_;
  int batch_size_;
  std::optional<Inference> inference_;
  std::vector<std::unique_ptr<cuda::Communicator>> communicators_;
  std::vector<std::unique_ptr<Replica>> replicas_;          // of ranks 1, 2, ...
  std::vector<std::unique_ptr<DeviceTraining>> trainings_;  // of every rank
};

}  // namespace vitrine
