// Batch normalisation in training, the activation after it and the residual connection around it, as one op.
//
// Forward    y = act(BN(x)), or BN(x) without an activation; with a residual: y = skip + factor act(BN(x)), an image's factor being 0 or
//            1 / (1 - rate) as drop_connect draws it, or 1
// Backward   g = factor dy act'(BN(x));  dbeta = sum g,  dgamma = sum g h;  dx as layers/batch_norm.h;  dskip = dy
// Shapes     x, y, skip [..., C] (rows = size / C), factor [N] for x [N, ..., C]
// Saved      x, the factors and the constants of the norm: BN(x) and the activation's slope are computed again
// Numerics   as layers/batch_norm.h and the activation's op, but statistics from one pass (layers/blocks/batch_statistics.h); sums of 512 rows in
//            float64, added in index order. Bounds: constants as layers/batch_norm.h but 2 (n + 6) 2^-53 v + (r + s + 4) 2^-53 (v + mu^2) for v, r rows in
//            each of s segments; y: BN(x) as there, act with that bound, u |factor act| + 2^-150 where images are dropped, u |y| with a residual; g: one
//            rounding for each factor and the slope's bound; dgamma, dbeta, dx as there from g. dskip is exact. Held to the composed ops by tests/layers/blocks/conv_norm_fused_test.cpp.
//            Where x lies in bfloat16 (tensor/bfloat16.h) so do y, skip, dx and dskip: rounded once more, when they are kept. No bounds are kept of that.
// Requires   at least two rows; skip of x's shape (checked: ShapeError)
// Differs    from the composed ops: rounding of the statistics
// Reference  Rota Bulo et al. 2018, arXiv:1712.02616 (the activation computed again in backward)
#pragma once

#include <optional>

#include "layers/blocks/batch_statistics.h"
#include "layers/unary.h"
#include "tensor/bfloat16.h"

namespace vitrine {

// What the normalised values are added to.
struct Residual {
  Variable skip;
  double drop_rate = 0;  // drop_connect's, of op `op`
  std::uint32_t op = 0;
};

// In training, with a tape. Updates the running statistics.
Variable fused_norm(BatchNorm& norm, const Variable& x, const std::optional<Activation>& activation, const Pass& pass,
                    const std::optional<Residual>& residual = std::nullopt);

namespace kernels {

struct FusedNormShape {
  std::int64_t rows, C;
  std::optional<Activation> activation;
  std::int64_t rows_of_segment = 512;  // of one partial sum
  std::int64_t segments() const { return (rows + rows_of_segment - 1) / rows_of_segment; }
};

// Null where there is none.
template <class Stored>
struct ResidualRowsOf {
  const Stored* skip = nullptr;
  const float* factors = nullptr;  // of images
  std::int64_t image_rows = 1;
};

// Stored: how x, y, skip and the gradients by them lie in memory: float, or BFloat16 on a CUDA device.
template <class Stored>
struct FusedNormKernelsOf {
  using Residual = ResidualRowsOf<Stored>;
  // sums of x and x^2, or of g and g h
  void (*sums)(const FusedNormShape& s, const Stored* x, const NormTarget& sums);
  void (*forward)(const FusedNormShape& s, const NormConstants& k, const float* beta, const Residual& residual, const Stored* x,
                  Stored* y);
  void (*gradient_sums)(const FusedNormShape& s, const NormConstants& k, const float* beta, const Residual& residual,
                        const Stored* x, const Stored* dy, const NormGradientTarget& sums);
  void (*gradient)(const FusedNormShape& s, const NormConstants& k, const float* beta, const Residual& residual,
                   const NormMeans& means, const Stored* x, const Stored* dy, Stored* dx);
};
using ResidualRows = ResidualRowsOf<float>;
using FusedNormKernels = FusedNormKernelsOf<float>;
const FusedNormKernels& fused_norm_kernels(Device device = {});
const FusedNormKernelsOf<BFloat16>& fused_norm_kernels_in_bfloat16(Device device);

}  // namespace kernels
}  // namespace vitrine
