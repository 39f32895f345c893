// Saliency: where in an image a layer speaks for a class.
//
// Maps       A [h, w, K] a layer's output, y the class's logit (before the softmax), g = dy / dA, the network as in evaluation
//            Grad-CAM   L_ij = max(0, sum_k a_k A_ijk),  a_k = mean over i, j of g_ijk         (eq. 1 and 2; the mean as there)
//            LayerCAM   L_ij = max(0, sum_k max(0, g_ijk) A_ijk)
// Gradient   the layers up to A run without a tape, A is a leaf on one, and what follows uses its weights as constants: the backward pass
//            stops at A and makes no gradient of a weight
// Numerics   sums over k, i, j in float64, ascending; the map is rounded to float32 once. The same bits on any number of threads
// Layers     "stem", "blocks.0.0" ..., "head": the output of an EfficientNet's unit. "auto": the last block whose map has at least kLeastSide
//            rows and columns. A smaller one cannot say where: at 64 x 64 pixels the last block of every EfficientNet has a map of 2 x 2
// Requires   an image that the network takes (checked: ShapeError), a class that it has (checked: InternalError), finite logits (checked:
//            NumericalError)
// Reference  Grad-CAM: Selvaraju et al. 2017, arXiv:1610.02391. LayerCAM: Jiang et al. 2021, doi 10.1109/TIP.2021.3089943
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

inline constexpr std::int64_t kLeastSide = 4;
inline constexpr const char* kAutoLayer = "auto";

enum class SaliencyMethod { grad_cam, layer_cam };
SaliencyMethod saliency_method(const std::string& name);  // "gradcam", "layercam"; UsageError naming them
std::string name_of(SaliencyMethod method);               // "gradcam"
std::string title_of(SaliencyMethod method);              // "Grad-CAM"

std::vector<std::string> layer_names(const EfficientNet& net);
void check_layer(const EfficientNet& net, const std::string& layer);  // UsageError naming the nearest

// A layer's output for one image, and the gradient of a logit by it.
struct LayerGradient {
  std::string layer;
  Tensor activation, gradient;  // [1, h, w, K], on the CPU
  double logit = 0;
};
// image: [H, W, C] in [0, 1], as `predict` takes it (nn/efficientnet/prediction.h). UsageError for a layer that is none.
LayerGradient layer_gradient(EfficientNet& net, const Tensor& image, int of_class, const std::string& layer = kAutoLayer);

struct Saliency {
  std::string layer;
  std::int64_t height = 0, width = 0;  // of the map
  std::vector<float> map;              // row-major, none below 0
  double logit = 0;                    // of the class

  float largest() const;
  bool is_zero() const { return largest() <= 0; }  // no place speaks for the class: there is nothing to show
  bool is_coarse() const { return height < kLeastSide || width < kLeastSide; }
};

Saliency saliency_of(const LayerGradient& at, SaliencyMethod method);
Saliency saliency(EfficientNet& net, const Tensor& image, int of_class, SaliencyMethod method,
                  const std::string& layer = kAutoLayer);

// The map for every pixel of an image, in [0, 1]: bilinear between the centres of the map's cells, beyond the outermost centres the nearest
// cell's value, then divided by its largest value. All 0 for a map of zeros.
std::vector<float> pixel_map(const Saliency& saliency, std::int64_t height, std::int64_t width);

}  // namespace vitrine
