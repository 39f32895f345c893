// A folded network's layers (layers/blocks/mbconv_folded.h) by graphs of cuDNN 9: what --kernels cudnn predicts with.
//
// Forward    a convolution with its bias and its swish or residual is one graph (layers/cudnn/biased.h)
// Numerics   on cuda-host sums in float64; on a GPU cuDNN's, and an image need not have the same bits alone and in a batch
// Differs    from our own kernels: weights are brought to cuDNN's order in every pass, and an activation other than swish is our own kernel after
//            the graph
// Reference  layers/blocks/mbconv_folded.h
#pragma once

#include "layers/blocks/mbconv_folded.h"

namespace vitrine::cuda {

extern const kernels::FoldedKernels folded_graphs;  // where cudnn::uses_graphs()

}  // namespace vitrine::cuda
