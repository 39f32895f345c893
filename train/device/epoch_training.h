// What trains epochs and predicts between them: the host's threads or CUDA devices. The trainer (train/trainer.h) asks for one and does not look at it again.
//
// Every draw and every sum is a function of the options, the data and the epoch, so in the portable tier both leave the same bits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/modules/optimizer.h"
#include "train/options.h"

namespace vitrine {

struct StepRates {
  double lr = 0, momentum = -1;  // negative: the optimiser's own
};

class StepWatch;

// Who hears of an epoch while it runs. A device runs all of it without looking at a value, and calls nobody.
struct EpochWatch {
  std::string name;                                      // starts messages: "fold 1/5, epoch 3"
  std::function<void(int step, double loss)> stepped{};  // after step 0, 1, ...
  std::function<bool()>
      stop{};  // asked before each step of the host: true ends the epoch there; without it Ctrl-C throws Interrupted
  StepWatch* steps = nullptr;  // told of every step (train/step_watch.h): by the host's loop alone
  std::int64_t number = 0;     // of the epoch's first step among the fold's
};

class EpochTraining {
 public:
  virtual ~EpochTraining() = default;

  // The steps of an epoch (from 1) from `first_step` on, over `order`, places of images in the data; rates[i] are those of step i. The loss of
  // each step that was made. NumericalError naming the first op, or on a device the first step, that is not finite.
  virtual std::vector<double> run_epoch(const std::vector<int>& order, std::uint32_t epoch, const std::vector<StepRates>& rates,
                                        const EpochWatch& watch, std::size_t first_step = 0) = 0;

  // Probabilities [N][classes] by the weights that net has now (nn/efficientnet/prediction.h).
  virtual std::vector<std::vector<double>> predictions(const std::vector<Tensor>& images) = 0;
};

// On options.device, where net lies, and options.more_devices. All four outlive it. UsageError unless the batch size is a multiple of the
// number of devices.
std::unique_ptr<EpochTraining> epoch_training(EfficientNet& net, Optimizer& optimizer, const Dataset& data,
                                              const TrainOptions& options);

}  // namespace vitrine
