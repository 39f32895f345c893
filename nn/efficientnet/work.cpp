#include "nn/efficientnet/work.h"

namespace vitrine {
namespace {

ConvShape convolution(std::int64_t N, std::int64_t size, std::int64_t C, std::int64_t kernel, std::int64_t K,
                      std::int64_t stride) {
  const Padding padding = symmetric_padding(kernel);
  const std::int64_t out = output_size(size, padding.top, padding.bottom, kernel, stride);
  return {N, size, size, C, kernel, kernel, K, out, out, stride, padding};
}

}  // namespace

double LayerWork::multiply_adds() const {
  const auto outputs = static_cast<double>(shape.N * shape.P * shape.Q * shape.K);
  return outputs * static_cast<double>(shape.R * shape.S * (depthwise ? 1 : shape.C));
}

std::vector<LayerWork> layers_of(const Architecture& arch, std::int64_t batch, std::int64_t size, std::int64_t channels,
                                 std::int64_t classes) {
  std::vector<LayerWork> all;
  const auto add = [&](const char* name, const ConvShape& shape, bool depthwise = false) {
    all.push_back({name, shape, depthwise});
    return shape.P;
  };
  size = add("stem", convolution(batch, size, channels, 3, arch.stem, 2));
  for (const BlockSpec& b : arch.blocks) {
    if (b.expands()) add("expand", convolution(batch, size, b.in, 1, b.middle, 1));
    size = add("depthwise", convolution(batch, size, b.middle, b.kernel, b.middle, b.stride), true);
    if (b.squeeze > 0) {
      add("squeeze", convolution(batch, 1, b.middle, 1, b.squeeze, 1));
      add("excite", convolution(batch, 1, b.squeeze, 1, b.middle, 1));
    }
    add("project", convolution(batch, size, b.middle, 1, b.out, 1));
  }
  add("head", convolution(batch, size, arch.blocks.back().out, 1, arch.head, 1));
  add("classifier", convolution(batch, 1, arch.head, 1, classes, 1));
  return all;
}

double multiply_adds(const std::vector<LayerWork>& layers) {
  double total = 0;
  for (const LayerWork& layer : layers) total += layer.multiply_adds();
  return total;
}

std::vector<BlockSize> block_sizes(const std::vector<LayerWork>& layers) {
  std::vector<BlockSize> sizes;
  BlockSize block;
  for (const LayerWork& layer : layers) {
    const ConvShape& s = layer.shape;
    if (layer.depthwise) {
      block.values = s.P * s.Q * s.C;
    } else if (layer.name != "stem") {
      block.weights += s.C * s.K;
    }
    if (layer.name != "project") continue;
    sizes.push_back(block);
    block = {};
  }
  return sizes;
}

}  // namespace vitrine
