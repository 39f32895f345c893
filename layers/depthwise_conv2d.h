// Depthwise convolution: every channel is filtered by its own window.
//
// Forward    y[n,p,q,c] = sum_{r,s} x[n, p*stride + r - top, q*stride + s - left, c] * w[r,s,c]
// Backward   dx[n,h,v,c] = sum_{r,s} dy[n,p,q,c] w[r,s,c]  over the (p, q) whose window has (h, v) at (r, s)
//            dw[r,s,c] = sum_{n,p,q} x[n,h,v,c] dy[n,p,q,c]
//            from dy/dx = w and dy/dw = x, term by term
// Shapes     x [N, H, W, C], w [R, S, C], y [N, P, Q, C]
// Saved      x, w
// Numerics   y, dx: one float32 accumulator per output, fma, taps (r, s) ascending. dw: pixels (n, p, q) ascending, a new accumulator
//            every 1,024 pixel indices, joined in float64 by the tree of layers/kernels/pairwise.h, rounded once. Taps in the padding are
//            skipped. |error| <= gamma_t sum |x||w|, t = terms of a chain, gamma_t = t u / (1 - t u), u = 2^-24. Checked:
//            the running bound of layers/conv2d.h, which is sharper.
// Requires   C equal in x and w; at most 256 taps; at least one image and one output pixel (checked: ShapeError)
// Differs    from torch.nn.Conv2d(groups=C): NHWC and RSC layouts, padding explicit per side, channel multiplier 1, no bias
// Reference  Sifre 2014, Rigid-motion scattering for image classification, PhD thesis, ch. 6.2; Howard et al. 2017, arXiv:1704.04861
#pragma once

#include "layers/conv2d.h"

namespace vitrine {

Variable depthwise_conv2d(const Variable& x, const Variable& w, const ConvOptions& options);

namespace kernels {

struct DepthwiseConv2dKernels {
  void (*forward)(const ConvShape& s, const float* x, const float* w, float* y);
  void (*backward_data)(const ConvShape& s, const float* dy, const float* w, float* dx);
  void (*backward_weights)(const ConvShape& s, const float* x, const float* dy, float* dw);
};
const DepthwiseConv2dKernels& depthwise_conv2d_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
