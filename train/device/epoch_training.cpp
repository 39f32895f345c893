#include "train/device/epoch_training.h"

#include "train/device/host_training.h"
#include "train/device/parallel_training.h"

namespace vitrine {

std::unique_ptr<EpochTraining> epoch_training(EfficientNet& net, Optimizer& optimizer, const Dataset& data,
                                              const TrainOptions& options) {
  if (options.device.is_cuda()) return std::make_unique<ParallelTraining>(net, optimizer, data, options);
  return std::make_unique<HostTraining>(net, optimizer, data, options);
}

}  // namespace vitrine
