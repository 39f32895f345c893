// A convolution's windows as rows of a product, for the CUDA back end: zeros outside the image change no sum.
#pragma once

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/gemm_cuda.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

// (output pixel, term (tap, channel)) of x [N, H, W, C].
struct Windows {
  ConvShape z;
  const float* x;

  VITRINE_HD float operator()(std::int64_t pixel, std::int64_t term) const {
    const std::int64_t q = pixel % z.Q, p = pixel / z.Q % z.P, n = pixel / z.Q / z.P;
    const std::int64_t c = term % z.C, s = term / z.C % z.S, r = term / z.C / z.S;
    const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
    return h < 0 || h >= z.H || v < 0 || v >= z.W ? 0.0f : x[((n * z.H + h) * z.W + v) * z.C + c];
  }
};

// (input pixel, term (tap, output channel)) of dy [N, P, Q, K]: the outputs that a tap of this pixel went into.
struct OutputWindows {
  ConvShape z;
  const float* dy;

  VITRINE_HD float operator()(std::int64_t pixel, std::int64_t term) const {
    const std::int64_t v = pixel % z.W, h = pixel / z.W % z.H, n = pixel / z.W / z.H;
    const std::int64_t k = term % z.K, s = term / z.K % z.S, r = term / z.K / z.S;
    const std::int64_t up = h + z.padding.top - r, left = v + z.padding.left - s;
    if (up < 0 || left < 0 || up % z.stride != 0 || left % z.stride != 0) return 0.0f;
    const std::int64_t p = up / z.stride, q = left / z.stride;
    return p >= z.P || q >= z.Q ? 0.0f : dy[((n * z.P + p) * z.Q + q) * z.K + k];
  }
};

}  // namespace vitrine::cuda
