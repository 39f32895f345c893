// An EfficientNet as an ONNX file: the inference graph, opset 17.
//
// Input      `images`, float32 [N, 3, H, W], normalised with the metadata's mean and deviation
// Output     `logits`, float32 [N, classes]
// Folded     w' = w gamma / sqrt(variance + eps), b' = beta - mean gamma / sqrt(variance + eps), computed in float64 and rounded
//            once; unfolded graphs keep BatchNormalization nodes
// Size       SAME padding depends on the input size, so H and W are fixed to the export size. A network that was trained on crops is fixed to
//            their size, since another scale is another image to it. Otherwise they stay free
// Padding    always explicit in the Conv nodes
// Reference  https://onnx.ai/onnx/operators; onnx.proto3 for field numbers
#pragma once

#include <string>

#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

struct OnnxOptions {
  bool fold = true;       // batch norm into the convolutions
  std::int64_t size = 0;  // rows and columns of the input where they are fixed; 0: the semantics' input size
  bool any_size = false;  // leave them free for a network that was trained on crops of one size, too
};

// The bytes of the file. UsageError when the size is outside 32 to 8192.
std::string onnx_bytes(EfficientNet& net, const OnnxOptions& options);

}  // namespace vitrine
