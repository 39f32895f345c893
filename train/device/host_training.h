// Training on the host: each batch is made by all threads, just before its step.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/batch.h"
#include "train/device/epoch_training.h"

namespace vitrine {

class HostTraining : public EpochTraining {
 public:
  // All four outlive this.
  HostTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options);

  std::vector<double> run_epoch(const std::vector<int>& order, std::uint32_t epoch, const std::vector<StepRates>& rates,
                                const EpochWatch& watch, std::size_t first_step = 0) override;
  // The folded network is gone afterwards, so that training has its memory.
  std::vector<std::vector<double>> predictions(const std::vector<Tensor>& images) override;

 private:
  EfficientNet& net_;
  Optimizer& optimizer_;
  const Dataset& data_;
  const TrainOptions& options_;
  std::map<std::string, double> scales_;
};

// A batch of the epoch's order: augmented, normalised, mixed up. `first` is the position of its first sample in the order.
Batch training_batch(const Dataset& data, std::span<const int> order, std::size_t first, const Semantics& semantics,
                     const TrainOptions& options, std::uint32_t epoch);

}  // namespace vitrine
