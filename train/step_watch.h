// StepWatch: told of every training step before, between and after its halves. An audit is built on it (audit/fold_audit.h).
//
// What it is shown it may read and not change, so that a run leaves the same bytes with one and without. It holds no weight and no gradient
// when `before_update` returns: what somebody holds cannot be updated (tensor/tensor.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "autograd/observer.h"
#include "autograd/tape.h"
#include "data/batch.h"
#include "data/dataset.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/modules/optimizer.h"

namespace vitrine {

struct TrainOptions;
struct FoldData;

// Which step it is.
struct StepFacts {
  std::int64_t number = 0;       // of the fold's steps, from 0
  std::uint32_t epoch = 1;       // from 1
  int step = 0;                  // of the epoch, from 0
  std::uint32_t first = 0;       // place in the epoch's order of the batch's first sample
  std::span<const int> samples;  // places in the training data
  double lr = 0, momentum = -1;
};

// What an update takes beside the gradients.
struct UpdateFacts {
  double momentum = -1;
  std::vector<std::pair<std::string, double>> rates;  // the learning rate of each parameter that is updated, in network order
};

class StepWatch {
 public:
  virtual ~StepWatch() = default;

  // Before the forward pass. The observer of the step's tape, or null.
  virtual TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) = 0;
  virtual void computed(double loss, const Tensor& logits) = 0;
  virtual void before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                             const UpdateFacts& update) = 0;
  virtual void after_update(EfficientNet& net, const Optimizer& optimizer) = 0;

  // All steps so far are on disk when it returns: a saved state is about to name them.
  virtual void keep() {}
  virtual void epoch_done(std::uint32_t /*epoch*/, std::int64_t /*steps*/, EfficientNet& /*net*/,
                          const Optimizer& /*optimizer*/) {}
  // The training is done. Of the fold's last one, its network is in its folder; what follows is the file which says that the fold is finished.
  virtual void finished() {}
};

// A training of a fold that is about to begin or to go on.
struct FoldStart {
  const std::filesystem::path& folder;
  const std::string& key;  // of options, data and split
  const TrainOptions& options;
  const FoldData& data;
  std::int64_t steps = 0;  // made before, by the saved state
  EfficientNet& net;       // as it is before the next step
  const Optimizer& optimizer;
  bool refit = false;   // the second training of --select nested-refit, on data.whole
  int epochs = 0;       // of this training
  const Dataset& part;  // of `data`, that is trained
};
using OpenStepWatch = std::function<std::unique_ptr<StepWatch>(const FoldStart&)>;

}  // namespace vitrine
