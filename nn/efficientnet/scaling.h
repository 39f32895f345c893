// Compound scaling: how b0 becomes b7, and the lite variants.
//
// Width      round(channels * width) to a multiple of 8, never below 90 % of the scaled value
// Depth      ceil(repeats * depth)
// Lite       no squeeze-excitation, ReLU6, stem and head not scaled, first and last stage not deepened
// Reference  Tan, Le 2019, arXiv:1905.11946, sec. 3.3 and table 1; lite: Liu 2020, TensorFlow's EfficientNet-Lite release
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine {

struct BlockSpec {
  int stage = 0;   // 0..6
  int repeat = 0;  // within the stage
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t in = 0;      // channels
  std::int64_t middle = 0;  // in * expand ratio
  std::int64_t out = 0;
  std::int64_t squeeze = 0;  // channels of the squeeze; 0 without squeeze-excitation
  bool expands() const { return middle != in; }
  bool residual() const { return stride == 1 && in == out; }
};

struct Architecture {
  std::string name;  // "b0"
  bool lite = false;
  int resolution = 224;    // native input size, pixels
  double dropout = 0.2;    // before the classifier
  std::int64_t stem = 32;  // channels
  std::int64_t head = 1280;
  bool concat_pool = false;  // fast.ai's head before the classifier (nn/efficientnet/concat_head.h) instead of the mean
  std::vector<BlockSpec> blocks;
};

// b0..b7, lite0..lite4; UsageError naming them for anything else.
Architecture architecture(const std::string& name);
const std::vector<std::string>& architecture_names();

std::int64_t scaled_channels(std::int64_t channels, double width);
int scaled_repeats(int repeats, double depth);

}  // namespace vitrine
