// fast.ai's head: the largest and the mean value of every channel, two linear layers with batch norm and dropout.
//
// Forward    u = [max(x), mean(x)] -> batch norm -> dropout rate / 2 -> linear -> ReLU -> batch norm -> dropout rate -> linear, which is the
//            network's classifier
//            A linear layer of a concatenation is the sum of one of each part, and batch norm is by channels: nothing is concatenated.
// Shapes     x [N, H, W, C] -> [N, kHidden] before the classifier
// Differs    from fast.ai 2, whose linear layers have no biases (fast.ai 1's have): its head is this one with both at zero
// Requires   in training at least two images (checked: ShapeError)
// Reference  fast.ai 1 vision/learner.py, fast.ai 2 vision/learner.py: create_head(concat_pool=True, lin_ftrs=[512], ps=0.5)
#pragma once

#include <cstdint>

#include "layers/batch_norm.h"

namespace vitrine {

struct ConcatHead {
  static constexpr std::int64_t kHidden = 512;

  BatchNorm norm_max, norm_mean;      // of C channels each
  Parameter weight_max, weight_mean;  // [C, kHidden]
  Parameter bias;                     // [kHidden]
  BatchNorm norm_hidden;

  // Norms the identity, weights zero. fast.ai's norms have PyTorch's eps and momentum, whatever the network's are.
  explicit ConcatHead(std::int64_t C);
  // Weights normal with deviation sqrt(2 / fan_in), where fan_in is that of the concatenation, 2 C; bias 0.
  void initialize(std::uint64_t seed);
  Variable forward(const Variable& x, double dropout, const Pass& pass);
};

}  // namespace vitrine
