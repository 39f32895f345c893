// The kernels that an EfficientNet's time goes into, each as something to time: for `vitrine bench kernels` and Google Benchmark.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/efficientnet/scaling.h"

namespace vitrine {

struct KernelCase {
  std::string name;      // "pointwise", "pointwise gradients", "depthwise", "depthwise gradients", "convolution"
  std::string shape;     // "16x14x14 80 to 480"
  int layers = 1;        // of the network that have this shape
  double multiply_adds;  // of one run, padding counted as if it were inside
  std::function<void()> run;
};

// One case for every kernel and distinct layer shape of the network at this batch and size.
//   convolution          the stem as inference runs it: windows, product, bias, activation
//   pointwise            1x1 with packed weights and bias
//   pointwise gradients  by input and weights, as the classifier and the head use them
//   depthwise inner loop one vector of channels of one image in its tile, one thread
//   depthwise            as training runs it, on a map that needs no norm: tiles, sums of z and z^2, planes out
//   depthwise gradients  by input and weights, from the gradient behind the next norm
std::vector<KernelCase> kernel_cases(const Architecture& arch, std::int64_t batch, std::int64_t size);

}  // namespace vitrine
