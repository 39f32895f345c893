#include "train/device/epoch_training.h"

#include "train/device/host_training.h"
#include "train/device/parallel_training.h"

namespace vitrine {

std::unique_ptr<EpochTraining> epoch_training(EfficientNet& net, Optimizer& optimizer, const Dataset& data,
                                              const TrainOptions& options) {
  // A device runs an epoch without showing a step: who watches steps has them from the host's loop, which has the same bits (train/step_watch.h).
  if (options.device.is_cuda() && !options.keeping.watch_steps)
    return std::make_unique<ParallelTraining>(net, optimizer, data, options);
  return std::make_unique<HostTraining>(net, optimizer, data, options);
}

}  // namespace vitrine
