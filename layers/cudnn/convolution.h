// Convolutions as graphs of cuDNN 9 (layers/cudnn/run.h).
//
// Forward    y = x * w (+ b), over NHWC images and weights [K, R, S, C / groups]
// Reference  layers/conv2d.h, layers/depthwise_conv2d.h
#pragma once

#include <functional>

#include "layers/cudnn/description.h"
#include "layers/kernels/conv_shape.h"
#include "tensor/bfloat16.h"
#include "tensor/cuda/candidates.h"

namespace vitrine::cuda {

namespace cudnn {
// Tensors in memory: x, w, y; dy, w, dx; x, dy, dw. Depthwise: C = K groups.
Description convolution(const ConvShape& s, bool depthwise);  // with a bias: biased.h
Description convolution_data_gradient(const ConvShape& s, bool depthwise);
Description convolution_weight_gradient(const ConvShape& s, bool depthwise);
}  // namespace cudnn

// y = x * w + b, b or null; dx; dw, with the shapes of layers/conv2d.h, whose weights are brought to cuDNN's order and back. False: cudnn::run.
// Stored: float, or BFloat16 without a bias.
bool library_convolution(const ConvShape& s, const float* x, const float* w, const float* b, float* y);
bool library_convolution(const ConvShape& s, const BFloat16* x, const BFloat16* w, const float*, BFloat16* y);
template <class Stored>
bool library_convolution_data_gradient(const ConvShape& s, const Stored* dy, const Stored* w, Stored* dx);
template <class Stored>
bool library_convolution_weight_gradient(const ConvShape& s, const Stored* x, const Stored* dy, float* dw);

// The same with the shapes of layers/depthwise_conv2d.h; w rounded where images lie in bfloat16.
template <class Stored>
bool library_depthwise(const ConvShape& s, const Stored* x, const float* w, Stored* y);
template <class Stored>
bool library_depthwise_data_gradient(const ConvShape& s, const Stored* dy, const float* w, Stored* dx);
template <class Stored>
bool library_depthwise_weight_gradient(const ConvShape& s, const Stored* x, const Stored* dy, float* dw);

// One part of a convolution by our kernel or by cuDNN's, whichever is taken (tensor/cuda/candidates.h); ours first where nothing is timed, but
// for dense ones forward and by the data.
enum class ConvolutionPart { forward, data_gradient, weight_gradient };
struct ConvolutionWork {
  ConvolutionPart part;
  ConvShape shape;
  bool depthwise = false, has_bias = false;
  DType type = DType::f32;  // of the images: f32, or bf16 without a bias
};
cudnn::Description description_of(const ConvolutionWork& work);
std::vector<Candidate> convolution_candidates(const ConvolutionWork& work, const std::function<void()>& own,
                                              const std::function<bool()>& library);
void run_convolution(const ConvolutionWork& work, const std::function<void()>& own, const std::function<bool()>& library);

}  // namespace vitrine::cuda
