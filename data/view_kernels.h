// The inner loops of a batch's making, one table for each instruction set (tensor/isa.h): views, normalisation, mixup. Lanes run across
// values; each has the bits of the plain reference (data/view.h) or of the expression given here.
#pragma once

#include <cstdint>

#include "data/drawn_view.h"

namespace vitrine::kernels {

// An image [H, W, C].
struct ImageShape {
  std::int64_t H = 0, W = 0, C = 0;
};

struct ViewKernels {
  // Row y of the view by `affine`, which is not the identity: out [W, C] from `in` [H, W, C]. Coordinates lie below 2^31.
  void (*resample_row)(const float* in, const ImageShape& shape, const Affine& affine, std::int64_t y, float* out);
  // values[i] in the light, which is not the identity.
  void (*relight)(float* values, std::int64_t count, const Lighting& light);
  // out[i] = (in[i] - mean[i]) * scale[i]; `in` may be `out`.
  void (*normalise)(const float* in, const float* mean, const float* scale, std::int64_t count, float* out);
  // out[i] = share a[i] + (1 - share) b[i]: two products, one sum, no fma.
  void (*mix)(const float* a, const float* b, float share, std::int64_t count, float* out);
};

const ViewKernels& view_kernels();  // those of this machine

}  // namespace vitrine::kernels
