// One update of a network.
#pragma once

#include <map>
#include <string>

#include "data/batch.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/modules/optimizer.h"
#include "train/step_watch.h"

namespace vitrine {

struct StepOptions {
  double lr = 1e-3;
  double momentum = -1;  // negative: the optimiser's own
  double label_smoothing = 0;
  DropKey key{};
  std::map<std::string, double> lr_scale{};  // factor of lr by part of the network (network_parts); 1 for the parts not named
  int held_parts = 0;                        // of the first so many parts only batch norm is updated
  StepWatch* watch = nullptr;                // told of the step; null: nobody
  StepFacts facts{};                         // for it
};

// Is this tensor of a part that is held, and not batch norm's?
bool is_held(const std::string& tensor, int held_parts);

struct StepResult {
  double loss = 0;
  Tensor logits;  // [N, classes], before the update
};

// Forward, soft cross-entropy, backward, update of every parameter as soon as its gradient is whole (after the backward pass where somebody
// watches; the same bits). NumericalError naming the first op whose output is not finite: nothing is updated then. What ends a step later,
// Interrupted or no memory, leaves some parameters updated and others not: go on from a copy.
StepResult train_step(EfficientNet& net, Optimizer& optimizer, const Batch& batch, const StepOptions& options);

}  // namespace vitrine
