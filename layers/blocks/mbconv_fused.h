// The expanded part of an MBConv as one op for training: from the block's input to the raw output of its projection.
//
// Forward    z1 = x * We                           1x1; left out without expansion
//            z2 = depthwise(act(BN1(z1)), Wd)
//            s  = squeeze_excitation of act(BN2(z2))
//            z3 = (s act(BN2(z2))) * Wp            1x1
// Backward   the gradients of the composed ops (layers/blocks/mbconv.h names them), in the order B1 to B5 of mbconv_fused.cpp
// Shapes     x [N, H, W, C], z3 [N, P, Q, K]; the expanded z1 (M channels at N H W rows) and z2 (N P Q rows) in planes
//            of 16 channels (layers/blocks/planes.h)
// Saved      x, z1, z2, constants of the norms, s: convolution outputs only. Normalised and activated values are computed again
//            where they are read, 48 channels at a time, and never reach memory.
// Numerics   those of the composed ops, but for: batch statistics from sum z and sum z^2 in float64 (z^2 is exact there; error bound
//            in layers/blocks/batch_statistics.h); weight gradients as float32 sums of 128 rows (depthwise:
//            at least 256 pixels) added in float64; all in an order fixed by the shapes. Held to the composed block by
//            tests/layers/blocks/mbconv_fused_test.cpp. Bounds (layers/bounded.h), each from the float32 values that its own came from: z1 from x and We,
//            the running bound of layers/conv2d.h; norm1, norm2 from z1, z2 as layers/blocks/conv_norm_fused.h; z2 from z1 and norm1, a chain of taps with
//            act(BN1)'s bound in each term; pooled values in float64, u |z| + their terms' mean bound; the gate as its own op; z3 from z2, norm2 and s.
//            Gradients by expanded values are not kept: dq, g2, dz2, g1, dz1 and the gate's are computed again in float32 in the order of B1 to B5
//            (layers/blocks/mbconv_again.h), each with a bound of its own step; weight gradients and dx follow from them by the sums named above
//            Where x lies in bfloat16 (tensor/bfloat16.h) so do z1, z2, z3, s act(BN2(z2)) and the gradients by all of them and by normalised values: each
//            is rounded once, when it is kept, and We and Wp once for forward and backward. No bounds are kept of that.
// Requires   M a multiple of 48 where there is an expansion, 3x3 or 5x5 with stride 1 or 2 (fits_fused_mbconv)
// Differs    from the composed block: nothing but rounding
// Reference  Jung et al. 2019, arXiv:1807.01702 (statistics in the epilogue, normalisation on load); Rota Bulo et al. 2018,
//            arXiv:1712.02616 (activations computed again)
#pragma once

#include "layers/blocks/batch_statistics.h"
#include "layers/blocks/mbconv.h"
#include "layers/kernels/conv_shape.h"
#include "tensor/bfloat16.h"

namespace vitrine {

bool fits_fused_mbconv(const MBConv& block, const Shape& x);

// z3. In training: updates the running statistics of the first two norms as BatchNorm::forward does.
Variable fused_mbconv(MBConv& block, const Variable& x, const Pass& pass);

namespace kernels {

// Sizes of one block. Work is cut into segments of whole images, so that every partial sum belongs to one segment.
struct MBConvShape {
  ConvShape depthwise;   // C = K = M
  std::int64_t in = 0;   // C
  std::int64_t out = 0;  // K
  Activation activation = Activation::swish;
  std::int64_t images = 1;  // of a segment

  std::int64_t segments() const { return (depthwise.N + images - 1) / images; }
};

// A normalisation whose constants are known: arrays of M floats. Null constants: the values are taken as they are.
struct NormOnLoad {
  NormConstants constants{};
  const float* shift = nullptr;  // beta
};

// Where the gradient of a weight goes: float64 sums of every segment, or the gradient itself, with one segment or with joined ones.
struct WeightGradientTarget {
  double* partial = nullptr;  // [segments][rows][M]
  float* whole = nullptr;
};

// Whether a 1x1 convolution's weight gradient [rows][M] is joined: a thread takes all segments of a slab and adds their sums in order, so that they
// need not go through memory. The same bits either way.
bool joins_segments(const MBConvShape& s, std::int64_t rows);

// The sizes and segments of a block for an input x [N, H, W, C], as fused_mbconv runs it on the device of the block's weights.
MBConvShape fused_mbconv_shape(const MBConv& block, const Shape& x);

// Stored: how x, z1, z2, z3, the gradients by them and the weights of both products lie in memory: float, or BFloat16 on a CUDA device. Statistics
// are those of the values as they are kept.
template <class Stored>
struct FusedPointwiseKernelsOf {
  // sums of z1 and of z1^2
  void (*expand)(const MBConvShape& s, const Stored* x, const Stored* w, Stored* z1, const NormTarget& sums);
  // scale [N][M] or null
  void (*project)(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale, const Stored* w,
                  Stored* z3);
  // dq = dz3 Wp^T; scale_gradient [N][M] where there is a scale; dw: dWp transposed, rows K
  void (*project_gradient)(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale, const Stored* w,
                           const Stored* dz3, Stored* dq, float* scale_gradient, const WeightGradientTarget& dw);
  // From g1, the gradient by BN1(z1), which is overwritten: dx = dz1 We^T; dw: dWe, rows C. scratch: size of We
  void (*expand_gradient)(const MBConvShape& s, const NormOnLoad& norm1, const NormMeans& means, const Stored* x,
                          const Stored* z1, const Stored* w, float* scratch, Stored* g1, Stored* dx,
                          const WeightGradientTarget& dw);
};
using FusedPointwiseKernels = FusedPointwiseKernelsOf<float>;
const FusedPointwiseKernels& fused_pointwise_kernels(Device device = {});

// z1 is the block's input where nothing is expanded.
template <class Stored>
struct FusedDepthwiseKernelsOf {
  // sums of z2 and of z2^2
  void (*forward)(const MBConvShape& s, const NormOnLoad& norm1, const Stored* z1, const float* w, Stored* z2,
                  const NormTarget& sums);
  // mean over pixels of act(BN2(z2)): pooled [N][M]
  void (*pool)(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, float* pooled);
  // dq becomes g2 = (dq scale + pooled_gradient / pixels) act'(BN2(z2)); sums of g2, g2 h2
  void (*activation_gradient)(const MBConvShape& s, const NormOnLoad& norm2, const Stored* z2, const float* scale,
                              const float* pooled_gradient, Stored* dq, const NormGradientTarget& sums);
  // g1 (planes; NHWC without expansion, as z1 then is x) from g2; sums of g1, g1 h1 where norm1 has constants; dw: dWd, rows R S
  void (*gradient)(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2,
                   const Stored* z1, const Stored* z2, const Stored* g2, const float* w, Stored* g1,
                   const NormGradientTarget& sums, const WeightGradientTarget& dw);
  // The inner loop alone, to be measured: one vector of channels of one image, tile and y as layers/kernels/depthwise_tile_cpu.h (room for
  // 16 channels a pixel is enough). Returns the multiply-adds it did.
  double (*filter_tile)(const ConvShape& s, const float* tile, const float* taps, float* y);
};
using FusedDepthwiseKernels = FusedDepthwiseKernelsOf<float>;
const FusedDepthwiseKernels& fused_depthwise_kernels(Device device = {});

const FusedPointwiseKernelsOf<BFloat16>& fused_pointwise_kernels_in_bfloat16(Device device);
const FusedDepthwiseKernelsOf<BFloat16>& fused_depthwise_kernels_in_bfloat16(Device device);

}  // namespace kernels
}  // namespace vitrine
