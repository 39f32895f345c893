// The layers of a folded network (layers/blocks/mbconv_folded.h) by graphs of cuDNN 9.
//
// Forward    a convolution with its bias and its swish or residual is one graph (layers/cudnn/biased.h)
// Numerics   on cuda-host sums in float64; on a GPU cuDNN's, and an image need not have the same bits alone and in a batch
// Differs    from our own kernels: an activation other than swish is our own kernel after the graph
// Reference  layers/blocks/mbconv_folded.h
#pragma once

#include <optional>

#include "layers/blocks/mbconv_folded.h"
#include "tensor/cuda/candidates.h"

namespace vitrine::cuda {

// Each one as a candidate with the plans that it keeps: as mbconv_folded_cuda.h, from weights by outputs.
Candidate folded_dense_graph(const char* op, std::int64_t rows, const kernels::Packed& w, std::optional<Activation> activation,
                             const float* x, float* y);
Candidate folded_convolution_graph(const ConvShape& z, const kernels::Packed& w, Activation activation, const float* x,
                                   float* y);
Candidate folded_depthwise_graph(const kernels::FoldedShape& s, const kernels::FoldedSweep& sweep, const float* x, float* d);
Candidate folded_gate_graphs(std::int64_t N, const kernels::Packed& reduce, const kernels::Packed& expand, const float* mean,
                             float* hidden, float* gates);
Candidate folded_project_graphs(std::int64_t N, std::int64_t pixels, const kernels::Packed& w, const float* d,
                                const float* gates, const float* skip, float* y);
Candidate folded_mean_graph(std::int64_t N, std::int64_t pixels, std::int64_t C, const float* d, float* mean);
Candidate folded_linear_graph(std::int64_t N, const kernels::Packed& w, const float* x, float* y);

}  // namespace vitrine::cuda
