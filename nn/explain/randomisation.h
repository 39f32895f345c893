// The weight-randomisation check: does a map depend on what the network has learned?
//
// Cascade    the parts of the network (network_parts) get new weights one after the other, from the classifier down to the stem, each staying
//            redrawn; after each the map of the same layer for the same class is made anew and compared with the trained network's
// Redrawn    as EfficientNet::initialize draws a new network: weights drawn, batch norm the identity, its statistics 0 and 1
// Compared   Spearman's rank correlation of the maps' cells, not of the pixels between them: interpolation adds no evidence. Equal values, as
//            the zeros that a map's max(0, .) makes, share the mean of their ranks. A map of equal values has no ranks: no correlation
// Mean       of the correlations of several draws, those without one left out
// Reference  Adebayo et al. 2018, arXiv:1810.03292, sec. 3.1 (cascading randomization)
#pragma once

#include <optional>
#include <span>

#include "nn/explain/saliency.h"

namespace vitrine {

inline constexpr double kUnchanged = 0.9;  // above it after the whole cascade, the map does not depend on the weights

// Empty where one of them has equal values only; InternalError when their counts differ.
std::optional<double> rank_correlation(std::span<const float> a, std::span<const float> b);

// The network with its last `parts` parts redrawn.
EfficientNet redrawn(EfficientNet& net, int parts, std::uint64_t seed);

struct ExplainedImage {
  Tensor image;  // [H, W, C] in [0, 1]
  int of_class = 0;
};

struct RandomisationOptions {
  SaliencyMethod method = SaliencyMethod::grad_cam;
  std::string layer = kAutoLayer;
  std::uint64_t seed = 1;
  int draws = 3;
};

using Cascade = std::vector<std::optional<double>>;  // after the last 1, 2, ... parts: classifier, ..., stem

// One cascade an image, in their order.
std::vector<Cascade> randomisation_check(EfficientNet& net, const std::vector<ExplainedImage>& images,
                                         const RandomisationOptions& options);

// How many parts lie above a layer of that name: at least 1, the classifier. InternalError when there is none.
int parts_above(const EfficientNet& net, const std::string& layer);

// Has the map stayed the same although every weight is another one?
bool does_not_depend_on_weights(const Cascade& cascade);

}  // namespace vitrine
