// What an EfficientNet says of images: a probability for each class.
//
// Photographs  the shorter side becomes Semantics::resize pixels, the central square of Semantics::input_size is cut (data/resize.h), bytes
//              become (value / 255 - mean) / deviation by colour. A network of one channel takes grey pictures alone
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "data/batch.h"
#include "data/photograph.h"
#include "nn/efficientnet/efficientnet.h"
#include "nn/efficientnet/inference.h"

namespace vitrine {

InputNormalisation input_normalisation(const Semantics& semantics);

// Shown each batch that was predicted, on the host: inputs [N, H, W, C] as the network takes them, and logits [N, classes]. Empty: nobody looks.
using SeePrediction = std::function<void(const Tensor& images, const Tensor& logits)>;

// Softmax probabilities [N][classes] in double of the folded network, in pieces of `batch_size` images [H, W, C] in [0, 1].
// NumericalError, naming the first op of `net` whose output is not finite, when one is not.
std::vector<std::vector<double>> predict(Inference& inference, EfficientNet& net, const std::vector<Tensor>& images,
                                         int batch_size, const SeePrediction& see = {});
std::vector<std::vector<double>> predict(EfficientNet& net, const std::vector<Tensor>& images, int batch_size);

// How `net` is shown a picture in memory: the bits of `vitrine predict` for the same pixels in a file. Probabilities by class, in double.
// ShapeError when the picture has no pixels or other than height * width * 3 bytes, or the network takes neither three channels nor one;
// DataError when it takes one and the picture has colours; NumericalError as `predict`.
std::vector<double> classify(Inference& inference, EfficientNet& net, const ByteImage& photograph);

// In its two steps, for pictures that are cut while they are decoded: what to ask a PhotographReader for, and what its answer shows.
PhotographRequest photograph_request(const Semantics& semantics);
std::vector<double> classify_square(Inference& inference, EfficientNet& net, const ByteImage& square,
                                    const SeePrediction& see = {});

// Runs the network op by op over the images that gave `logits` which are not finite; does nothing when they are.
void refuse_non_finite(EfficientNet& net, const Tensor& images, const Tensor& logits);

std::vector<double> softmax(std::span<const float> logits);

}  // namespace vitrine
