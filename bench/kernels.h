// The kernels that an EfficientNet's time goes into, each as something to time: for `vitrine bench kernels` and Google Benchmark.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/bounds.h"
#include "nn/efficientnet/scaling.h"

namespace vitrine {

struct KernelCase {
  std::string part;    // "inference", "training", "micro"
  std::string kernel;  // "folded project", "depthwise gradient"
  std::string shape;   // "16x14x14 80 to 480"
  double times = 1;    // runs in one pass or step over the whole batch
  KernelWork work;     // of one run
  int threads = 0;     // that one run uses; 0: all of the pool
  // Lays out the tensors and gives what is to be timed; they live as long as it does.
  std::function<std::function<void()>()> prepare;
};

// What Inference runs over a batch: one case for every kernel of layers/blocks/mbconv_folded.h and distinct shape, in network order. Groups of images
// go through at the same time as Inference's do, each in tensors of its own.
//   folded stem              windows, product, bias, activation
//   folded expand depthwise  sweep A: product, activation, depthwise, activation, mean
//   folded gate, folded project (sweep B: with gate and skip where the block has them), folded head, folded linear
std::vector<KernelCase> inference_cases(const Architecture& arch, std::int64_t batch, std::int64_t size);

// What a training step runs with two classes: the kernels of layers/blocks/mbconv_fused.h and conv_norm_fused.h with their sums over segments, gates,
// stem, head, pool, classifier, Adam over all parameters. Forward in network order, then backward from the loss. Left out: loss, drops and the
// tape. Empty where a step cannot run, since the last map leaves a channel one value.
std::vector<KernelCase> training_cases(const Architecture& arch, std::int64_t batch, std::int64_t size);

// Plain forms, to be read beside the peak:
//   convolution          the stem as inference runs it: windows, product, bias, activation
//   pointwise            1x1 with packed weights and bias
//   pointwise gradients  by input and weights, as the classifier and the head use them
//   depthwise inner loop one vector of channels of one image in its tile, one thread
//   depthwise            as training runs it, on a map that needs no norm: tiles, sums of z and z^2, planes out
//   depthwise gradients  by input and weights, from the gradient behind the next norm
std::vector<KernelCase> micro_cases(const Architecture& arch, std::int64_t batch, std::int64_t size);

}  // namespace vitrine
