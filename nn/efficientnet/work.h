// How much arithmetic an EfficientNet is, layer by layer: what a benchmark divides by.
#pragma once

#include <string>
#include <vector>

#include "layers/kernels/conv_shape.h"
#include "nn/efficientnet/scaling.h"

namespace vitrine {

struct LayerWork {
  std::string name;  // "stem", "expand", "depthwise", "squeeze", "excite", "project", "head", "classifier"
  ConvShape shape;   // dense layers as 1x1 convolutions of one pixel
  bool depthwise = false;

  // Of one forward pass over the shape's N images, padding counted as if it were inside.
  double multiply_adds() const;
};

// Every layer with weights, in network order, with symmetric padding.
std::vector<LayerWork> layers_of(const Architecture& arch, std::int64_t batch, std::int64_t size, std::int64_t channels,
                                 std::int64_t classes);

double multiply_adds(const std::vector<LayerWork>& layers);

// A block's values after its depthwise convolution, of an image, and the weights of its products.
struct BlockSize {
  std::int64_t values = 0, weights = 0;
};
std::vector<BlockSize> block_sizes(const std::vector<LayerWork>& layers);

}  // namespace vitrine
