// Stability: how many bits of a network's predictions survive rounding, found by making every op round by chance.
//
// Noise      after each op of the composed network in evaluation mode, each element of its output becomes its neighbour below in magnitude, itself,
//            or its neighbour above, with equal probability: -1, 0 or +1 unit in the last place. Zeros and values that are not finite stay
// Draws      Philox by (seed; draw, image, number of the op, element): any of them can be made again alone, on any number of threads
// Bits       of n draws with mean m and standard deviation s (n - 1 below): log2(|m| / s), from 0 to 24 (Parker 1997); 24 where no draw differs
// Sure bits  the same less log2 sqrt((n - 1) / chi2) + log2 z for few draws, with chi2 the 2.5 % quantile of n - 1 degrees of freedom and
//            z = 1.96: with 95 % confidence at least 95 % of such results keep so many bits, where they are normal (Sohier et al., sec. 4.2)
// Flip       a draw whose class of the largest logit is another one than without noise
// Reference  Parker 1997, UCLA CSD-970002, sec. 3; Sohier, De Oliveira Castro, Fevotte, Lathuiliere, Petit, Jamond 2021, Confidence intervals
//            for stochastic arithmetic, ACM TOMS 47(2), arXiv:1807.09655
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

struct StabilityOptions {
  int draws = 10;  // 2 to 1000
  std::uint64_t seed = 1;
};

// One number over the draws.
struct SpreadOfDraws {
  double without_noise = 0, mean = 0, deviation = 0;
  double bits = 0, sure_bits = 0;
};

struct ImageStability {
  std::vector<SpreadOfDraws> logits, probabilities;  // by class
  int predicted = 0;                                 // without noise
  int flips = 0;                                     // of the draws

  double fewest_bits() const;  // of the logits
};

// image: [H, W, C] in [0, 1], as `predict` takes it (nn/efficientnet/prediction.h); `number`: which image it is, for the draws. The network's weights
// stay. NumericalError when a logit without noise is not finite.
ImageStability stability_of(EfficientNet& net, const Tensor& image, std::uint32_t number, const StabilityOptions& options);

// 0 to 24 bits of n results; InternalError for less than two.
SpreadOfDraws spread_of(double without_noise, std::span<const double> draws);
// What few draws take from the bits.
double bits_for_confidence(int draws);

// The output of an op with its noise, in a tensor of its own.
Tensor with_last_place_noise(const Tensor& output, const StabilityOptions& options, std::uint32_t draw, std::uint32_t image,
                             std::uint32_t op);

}  // namespace vitrine
