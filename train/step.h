// One update of a network, and its predictions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "data/mixup.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/inference.h"
#include "nn/modules/optimizer.h"

namespace vitrine {

struct StepOptions {
  double lr = 1e-3;
  double momentum = -1;  // negative: the optimiser's own
  double label_smoothing = 0;
  DropKey key{};
  std::map<std::string, double> lr_scale{};  // factor of lr by part of the network (network_parts); 1 for the parts not named
};

struct StepResult {
  double loss = 0;
  Tensor logits;  // [N, classes], before the update
};

// Forward, soft cross-entropy, backward, update of every parameter in network order. NumericalError naming the first op whose
// output is not finite.
StepResult train_step(EfficientNet& net, Optimizer& optimizer, const Batch& batch, const StepOptions& options);

// Softmax probabilities [N][classes] in double of the folded network, in pieces of `batch_size` images.
// NumericalError, naming the first op of `net` whose output is not finite, when one is not.
std::vector<std::vector<double>> predict(Inference& inference, EfficientNet& net, const std::vector<Tensor>& images,
                                         int batch_size);
std::vector<std::vector<double>> predict(EfficientNet& net, const std::vector<Tensor>& images, int batch_size);

// Runs the network op by op over the images that gave `logits` which are not finite; does nothing when they are.
void refuse_non_finite(EfficientNet& net, const Tensor& images, const Tensor& logits);

std::vector<double> softmax(std::span<const float> logits);

// Images [H, W, P] in [0, 1] of one size as one batch [N, H, W, channels], normalised by the network's mean and deviation. A network
// of one channel takes the first of three planes. ShapeError when the planes do not fit.
Tensor stack_images(const std::vector<const Tensor*>& images, const Semantics& semantics);

}  // namespace vitrine
