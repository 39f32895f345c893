// Dense convolutions by cuDNN 9, for the run-to-run tier on a GPU.
//
// Each is a graph of one operation; of the engines that cuDNN proposes, those that its notes call nondeterministic are left out, and the
// fastest of the rest, timed once, is kept for the shape. Where cuDNN has no engine for a shape our own kernel runs.
#pragma once

#include <string>
#include <vector>

#include "layers/kernels/conv_shape.h"

namespace vitrine::cuda {

// y = x * w; dx; dw, with the shapes of layers/conv2d.h. False, and nothing done, on cuda-host, in the portable tier, in a build
// without CUDA, and where cuDNN supports no deterministic engine.
bool library_convolution(const ConvShape& s, const float* x, const float* w, float* y);
bool library_convolution_data_gradient(const ConvShape& s, const float* dy, const float* w, float* dx);
bool library_convolution_weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw);

// The same for depthwise convolutions, w and dw [C, R, S, 1] for a C that is K: what our own kernels are measured against.
bool library_depthwise(const ConvShape& s, const float* x, const float* w, float* y);
bool library_depthwise_data_gradient(const ConvShape& s, const float* dy, const float* w, float* dx);
bool library_depthwise_weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw);

// Builds the graphs of a shape as far as that goes without a device; Error when cuDNN refuses one. Nothing in a build without CUDA.
void build_convolution_graphs(const ConvShape& s, bool depthwise);

// What was chosen so far, a line for every shape: operation, sizes, engine, notes, workspace, microseconds.
std::vector<std::string> convolution_plans();

}  // namespace vitrine::cuda
