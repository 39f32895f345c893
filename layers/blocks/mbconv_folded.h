// EfficientNet's layers for inference: batch norm folded into the weights, activations where values are made, an MBConv in two sweeps.
//
// Forward    sweep A  e = act(x We + be), d = act(depthwise(e, Wd) + bd), z = mean of d over pixels: 48 channels of an image at a
//                     time, in strips of rows, so that e never leaves the cache
//            gate     s = sigmoid(swish(z Wr + br) Wx + bx)
//            sweep B  y = (s d) Wp + bp (+ x)
// Shapes     x [N, H, W, C], d in planes of 16 channels (layers/blocks/planes.h), y [N, P, Q, K]
// Numerics   products as layers/kernels/gemm_cpu.h, taps as layers/depthwise_conv2d_reference.h, means in float64. An image's result is made
//            of its own pixels in an order fixed by the shapes: the same bits alone and in any batch, for any threads and any set; on a
//            GPU by our own kernels (mbconv_folded_choice.cpp).
// Reference  Tan, Le 2019, arXiv:1905.11946; Zhang, Lo, Lu 2020, arXiv:2001.02504 (depthwise and pointwise sweeps)
#pragma once

#include "layers/kernels/conv_shape.h"
#include "layers/kernels/packed.h"
#include "layers/unary.h"

namespace vitrine::kernels {

struct FoldedShape {
  ConvShape depthwise;  // C = K = M
  std::int64_t in = 0;  // C
  Activation activation = Activation::swish;
};

// Of sweep A. Without expansion `expand` has no panels and x is the depthwise convolution's input.
struct FoldedSweep {
  Packed expand;
  const float* depthwise = nullptr;  // [R, S, M]
  const float* bias = nullptr;       // [M]
  const float* by_output = nullptr;  // the taps as [M, R, S], as Packed::by_output
};

struct FoldedKernels {
  // Any convolution with bias and activation, over its windows as rows of a product; y NHWC.
  void (*convolution)(const ConvShape& s, const Packed& w, Activation activation, const float* x, float* y);
  // mean [N, M], or null where none is wanted
  void (*expand_depthwise)(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean);
  // hidden [N, R] and gate [N, M] from mean [N, M]
  void (*gate)(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden, float* gate);
  // gate and skip may be null; pixels of one image
  void (*project)(std::int64_t N, std::int64_t pixels, const Packed& w, const float* d, const float* gate, const float* skip,
                  float* y);
  // mean over pixels of act(x w + bias): [N, K]
  void (*head)(std::int64_t N, std::int64_t pixels, const Packed& w, Activation activation, const float* x, float* mean);
  void (*linear)(std::int64_t N, const Packed& w, const float* x, float* y);
};
const FoldedKernels& folded_kernels(Device device = {});

}  // namespace vitrine::kernels
