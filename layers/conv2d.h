// Convolution: every output pixel is a weighted sum over a window of input pixels and all input channels.
//
// Forward    y[n,p,q,k] = b[k] + sum_{r,s,c} x[n, p*stride + r - top, q*stride + s - left, c] * w[r,s,c,k]
// Backward   dx[n,h,w,c] = sum_{r,s,k} dy[n,p,q,k] w[r,s,c,k]  over the (p, q) whose window has (h, w) at (r, s)
//            dw[r,s,c,k] = sum_{n,p,q} x[n,h,w,c] dy[n,p,q,k],  db[k] = sum_{n,p,q} dy[n,p,q,k]
//            from dy/dx = w and dy/dw = x, term by term
// Shapes     x [N, H, W, C], w [R, S, C, K], b [K] or undefined, y [N, P, Q, K]
// Saved      x, w
// Numerics   y, dx: one float32 accumulator per output, fma, flattened index (r, s, c) or (r, s, k) ascending, a new accumulator
//            every 128 indices, their sums joined in index order in float32; b is added last. dw, db: pixels (n, p, q) ascending,
//            a new accumulator every 1,024 pixel indices, joined in float64 by the tree of layers/kernels/pairwise.h, rounded once.
//            Taps in the padding are skipped, not multiplied by zero. |error| <= gamma_t sum |x||w|, t = min(terms, chunk) +
//            chunks, gamma_t = t u / (1 - t u), u = 2^-24. Sharper, and what is checked: the running bound e = e + u (|s_k| + e) + 2^-150
//            (layers/bounded.h) over the partial sums s_k of each accumulator, u (|sum| + e) for each join in float32 and for b; in float64
//            (n + 2) 2^-52 sum |chunks| for n chunks and u |dw| at the end. db adds without products: no rounding at its first term.
//            Where x lies in bfloat16 so do y and dx, and w is rounded for the products; sums are the same. No bounds are kept of that.
//            Checksum of a pixel: |sum_k +-(y_k - true)| <= gamma_(t+1) (sum |x| sum_k |w| + sum_k |b|), signs drawn
// Requires   C equal in x and w; at least one image and one output pixel (checked: ShapeError); no b where x lies in bfloat16 (DTypeError)
// Differs    from torch.nn.Conv2d: NHWC and RSCK layouts, padding explicit per side (layers/kernels/window.h), no dilation, no groups
// Reference  LeCun et al. 1989, doi 10.1162/neco.1989.1.4.541
#pragma once

#include <cstdint>

#include "autograd/tape.h"
#include "layers/kernels/conv_shape.h"
#include "tensor/bfloat16.h"

namespace vitrine {

Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const ConvOptions& options);

namespace kernels {

// Stored: how x, w, y and the gradients by x and y lie in memory: float, or BFloat16 on a CUDA device, without a bias.
template <class Stored>
struct Conv2dKernelsOf {
  void (*forward)(const ConvShape& s, const Stored* x, const Stored* w, const float* b, Stored* y);  // b may be null
  void (*backward_data)(const ConvShape& s, const Stored* dy, const Stored* w, float* scratch,
                        Stored* dx);  // scratch: size of w
  // scratch: weight_gradient_chunks(s) times the size of w
  void (*backward_weights)(const ConvShape& s, const Stored* x, const Stored* dy, float* scratch, float* dw);
  void (*backward_bias)(const float* dy, std::int64_t pixels, std::int64_t K, float* db);
};
using Conv2dKernels = Conv2dKernelsOf<float>;
const Conv2dKernels& conv2d_kernels(Device device = {});
const Conv2dKernelsOf<BFloat16>& conv2d_kernels_in_bfloat16(Device device);

}  // namespace kernels
}  // namespace vitrine
