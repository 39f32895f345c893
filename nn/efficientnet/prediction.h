// What an EfficientNet says of images: a probability for each class.
#pragma once

#include <span>
#include <vector>

#include "data/batch.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/inference.h"

namespace vitrine {

InputNormalisation input_normalisation(const Semantics& semantics);

// Softmax probabilities [N][classes] in double of the folded network, in pieces of `batch_size` images [H, W, P] in [0, 1].
// NumericalError, naming the first op of `net` whose output is not finite, when one is not.
std::vector<std::vector<double>> predict(Inference& inference, EfficientNet& net, const std::vector<Tensor>& images,
                                         int batch_size);
std::vector<std::vector<double>> predict(EfficientNet& net, const std::vector<Tensor>& images, int batch_size);

// Runs the network op by op over the images that gave `logits` which are not finite; does nothing when they are.
void refuse_non_finite(EfficientNet& net, const Tensor& images, const Tensor& logits);

std::vector<double> softmax(std::span<const float> logits);

}  // namespace vitrine
