// The layers of a folded network (layers/blocks/mbconv_folded.h) on a CUDA device, one by one: our kernels, and what stands around a product of
// cuBLASLt's. mbconv_folded_graphs.h has cuDNN's, mbconv_folded_choice.cpp takes one of them.
#pragma once

#include <optional>

#include "layers/blocks/mbconv_folded.h"

namespace vitrine::cuda {

// Whether weights are to be folded by outputs as well (layers/kernels/packed.h): where cuBLASLt or cuDNN may be what predicts.
bool folded_libraries_may_run();

// y [rows, N] = act(x w + bias); without an activation x w + bias
void own_folded_dense(const char* op, std::int64_t rows, const kernels::Packed& w, std::optional<Activation> activation,
                      const float* x, float* y);
void own_folded_convolution(const ConvShape& z, const kernels::Packed& w, Activation activation, const float* x, float* y);
// d (expanded) = act(depthwise(x) + bias), x row-major
void own_folded_depthwise(const kernels::FoldedShape& s, const kernels::FoldedSweep& sweep, const float* x, float* d);
void own_folded_gate(std::int64_t N, const kernels::Packed& reduce, const kernels::Packed& expand, const float* mean,
                     float* hidden, float* gates);
void own_folded_project(std::int64_t N, std::int64_t pixels, const kernels::Packed& w, const float* d, const float* gates,
                        const float* skip, float* y);
// mean [N, C] over the pixels of each image of d, expanded, or row-major; in slices that do not depend on the other images of a batch
void own_expanded_mean(const char* op, std::int64_t N, std::int64_t pixels, std::int64_t C, const float* d, float* mean);
void own_row_mean(const char* op, std::int64_t N, std::int64_t pixels, std::int64_t C, const float* d, float* mean);

// q = d times its image's gate, row-major; y = y + skip
void scale_folded(std::int64_t N, std::int64_t pixels, std::int64_t M, const float* d, const float* gates, float* q);
void add_folded(const char* op, std::int64_t n, const float* skip, float* y);

}  // namespace vitrine::cuda
