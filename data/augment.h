// Augmentation: one random view of an image, a function of (seed, epoch, sample) alone.
//
// Geometry  rotation, zoom (about a drawn point), flips and perspective warp are composed into one map and one bilinear resampling;
//           outside pixels are reflected about the edge pixel (..., 2, 1, 0, 1, 2, ...). The warp, last in the composition, is the
//           homography that takes the corners (-1 - s, -1 - t), (-1 + s, 1 + t), (1 + s, -1 + t), (1 - s, 1 - t) of the view to those of the
//           image's square, s and t drawn apart: fast.ai 2's `Warp`.
// Lighting  in logit space: v = logit(clip(p, 1e-4, 1 - 1e-4)); v = (v + logit(change)) * scale; p = sigmoid(v), one change and
// one
//           scale for all channels.
// Reference fast.ai 1/2 `get_transforms` / `aug_transforms` (docs/training.md lists the numbers)
#pragma once

#include <cstdint>

#include "data/drawn_view.h"
#include "tensor/tensor.h"

namespace vitrine {

struct AugmentOptions {
  double max_rotate_degrees = 10;    // uniform in +-
  double max_zoom = 1.1;             // uniform in 1..max_zoom
  double max_warp = 0;               // s and t uniform in +-, each in half sides of the image
  double affine_probability = 0.75;  // of rotation, of zoom and of each way of the warp, drawn apart
  double max_lighting = 0.2;         // brightness 0.5 +- half of this; contrast log-uniform in 1 - this .. 1 / (1 - this)
  double lighting_probability = 0.75;
  bool flip_horizontal = true;  // probability 0.5
  bool flip_vertical = false;
};

// Takes the corners above to those of an image of H x W pixels: `inner` is applied first.
Affine warped(const Affine& inner, double s, double t, std::int64_t H, std::int64_t W);

// What is drawn for one sample.
View drawn_view(const AugmentOptions& options, std::int64_t H, std::int64_t W, std::uint64_t seed, std::uint32_t epoch,
                std::uint32_t sample);

// The view of an image [H, W, C] with values in [0, 1] into `out`, as many values, which is not the image.
void write_view(const Tensor& image, const View& view, float* out);

// image [H, W, C] with values in [0, 1]; the result has the same shape and range.
Tensor augment(const Tensor& image, const AugmentOptions& options, std::uint64_t seed, std::uint32_t epoch,
               std::uint32_t sample);

}  // namespace vitrine
