// Images and labels as the tensors that a network takes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine {

struct Batch {
  Tensor images;   // [N, H, W, C]
  Tensor targets;  // [N, classes], rows sum to 1
};

// How pixels become inputs: (value - mean) / deviation, by colour.
struct InputNormalisation {
  std::int64_t channels = 3;  // of the network
  std::array<float, 3> mean{0, 0, 0}, std{1, 1, 1};
};

// Writes images as inputs of a network. Channel c has the mean and deviation of colour c mod 3. A network of one channel takes the first of
// three.
class InputWriter {
 public:
  // Of images [H, W, C] of this shape. ShapeError when their channels do not fit.
  InputWriter(const Shape& image, const InputNormalisation& normalisation);

  // out [H, W, channels]; it may be the image where the network takes as many channels as the image has.
  void write(const float* image, float* out) const;
  Shape batch_shape(std::size_t count) const;  // [count, H, W, channels]
  bool takes_all_channels() const { return held_ == channels_; }

 private:
  std::int64_t height_, width_, held_, channels_;
  std::vector<float> mean_, scale_;  // of the values of a row
};

// Images [H, W, C] in [0, 1] of one size as one batch [N, H, W, channels], each by an InputWriter. ShapeError when there are no images or
// their channels do not fit.
Tensor stack_images(const std::vector<const Tensor*>& images, const InputNormalisation& normalisation);

// [N, classes]: 1 at each label, 0 elsewhere. Labels lie in 0 .. classes - 1.
Tensor one_hot(std::span<const int> labels, int classes);

}  // namespace vitrine
