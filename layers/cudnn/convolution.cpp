#include "layers/cudnn/convolution.h"

#include "base/error.h"
#include "layers/cudnn/biased.h"
#include "layers/cudnn/layout.h"
#include "layers/cudnn/run.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "tensor/cuda/runtime.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace {

using cudnn::Description;
using cudnn::Extent;
using cudnn::Kind;

std::string text_of(const char* part, const ConvShape& s, bool depthwise) {
  const Padding& p = s.padding;
  return text(depthwise ? "depthwise " : "convolution ", part, " [", s.N, ", ", s.H, ", ", s.W, ", ", s.C, "] ", s.R, " x ",
              s.S, " stride ", s.stride, " to ", s.K, " padding ", p.top, " ", p.left, " ", p.bottom, " ", p.right);
}

Extent input_of(const ConvShape& s) { return cudnn::image(s.N, s.H, s.W, s.C); }
Extent output_of(const ConvShape& s) { return cudnn::image(s.N, s.P, s.Q, s.K); }
Extent weights_of(const ConvShape& s, bool depthwise) { return cudnn::image(s.K, s.R, s.S, depthwise ? 1 : s.C); }

// Weights of one channel for each output where `depthwise`.
ConvShape layout_of(const ConvShape& s, bool depthwise) {
  ConvShape layout = s;
  if (depthwise) layout.C = 1;
  return layout;
}

// Weights in cuDNN's order, in memory that lives until the device has read them: it is given back in the order of the stream.
class Weights {
 public:
  Weights(const ConvShape& s, bool depthwise)
      : layout_(layout_of(s, depthwise)),
        room_(Tensor::uninitialized({layout_.K, layout_.R, layout_.S, layout_.C}, current())),
        data_(room_.mutable_data()) {}

  const float* of(const float* w) {
    to_cudnn_weights(layout_, w, data_);
    return data_;
  }
  const BFloat16* in_bfloat16(const float* w) {
    rounded_ = Tensor::uninitialized<BFloat16>(room_.shape(), current());
    BFloat16* const to = rounded_.mutable_data<BFloat16>();
    round_to_bfloat16("conv2d weights", of(w), room_.size(), to);
    return to;
  }
  float* data() { return data_; }
  void give_to(float* dw) const { from_cudnn_weights(layout_, data_, dw); }

 private:
  ConvShape layout_;
  Tensor room_, rounded_;
  float* data_;
};

const char* op_of(bool depthwise) { return depthwise ? "depthwise_conv2d" : "conv2d"; }

bool forward(const ConvShape& s, bool depthwise, const float* x, const float* w, const float* b, float* y) {
  if (!cudnn::is_used()) return false;
  Weights weights(s, depthwise);
  const char* const op = op_of(depthwise);
  if (b == nullptr) return cudnn::run(op, cudnn::convolution(s, depthwise), {x, weights.of(w), y});
  return cudnn::run(op, cudnn::biased_convolution(s, depthwise, cudnn::Ending::none), {x, weights.of(w), b, y});
}

bool data_gradient(const ConvShape& s, bool depthwise, const float* dy, const float* w, float* dx) {
  if (!cudnn::is_used()) return false;
  Weights weights(s, depthwise);
  return cudnn::run(op_of(depthwise), cudnn::convolution_data_gradient(s, depthwise), {dy, weights.of(w), dx});
}

bool weight_gradient(const ConvShape& s, bool depthwise, const float* x, const float* dy, float* dw) {
  if (!cudnn::is_used()) return false;
  Weights weights(s, depthwise);
  if (!cudnn::run(op_of(depthwise), cudnn::convolution_weight_gradient(s, depthwise), {x, dy, weights.data()})) return false;
  weights.give_to(dw);
  return true;
}

constexpr const char* kDepthwise = "depthwise_conv2d";

}  // namespace

bool library_depthwise(const ConvShape& s, const BFloat16* x, const float* w, BFloat16* y) {
  if (!cudnn::is_used()) return false;
  Weights weights(s, true);
  return cudnn::run(kDepthwise, cudnn::convolution(s, true).in_bfloat16(true), {x, weights.in_bfloat16(w), y});
}

bool library_depthwise_data_gradient(const ConvShape& s, const BFloat16* dy, const float* w, BFloat16* dx) {
  if (!cudnn::is_used()) return false;
  Weights weights(s, true);
  return cudnn::run(kDepthwise, cudnn::convolution_data_gradient(s, true).in_bfloat16(true), {dy, weights.in_bfloat16(w), dx});
}

bool library_depthwise_weight_gradient(const ConvShape& s, const BFloat16* x, const BFloat16* dy, float* dw) {
  if (!cudnn::is_used()) return false;
  Weights weights(s, true);
  if (!cudnn::run(kDepthwise, cudnn::convolution_weight_gradient(s, true).in_bfloat16(false), {x, dy, weights.data()}))
    return false;
  weights.give_to(dw);
  return true;
}

namespace cudnn {

Description convolution(const ConvShape& s, bool depthwise) {
  Description d{text_of("forward", s, depthwise), {}, {}};
  const std::size_t x = d.memory(input_of(s)), w = d.memory(weights_of(s, depthwise));
  d.convolve(Kind::convolution, x, w, d.memory(output_of(s)), s.stride, s.padding);
  return d;
}

Description convolution_data_gradient(const ConvShape& s, bool depthwise) {
  Description d{text_of("data gradient", s, depthwise), {}, {}};
  const std::size_t dy = d.memory(output_of(s)), w = d.memory(weights_of(s, depthwise));
  d.convolve(Kind::data_gradient, dy, w, d.memory(input_of(s)), s.stride, s.padding);
  return d;
}

Description convolution_weight_gradient(const ConvShape& s, bool depthwise) {
  Description d{text_of("weight gradient", s, depthwise), {}, {}};
  const std::size_t x = d.memory(input_of(s)), dy = d.memory(output_of(s));
  d.convolve(Kind::weight_gradient, x, dy, d.memory(weights_of(s, depthwise)), s.stride, s.padding);
  return d;
}

}  // namespace cudnn

bool library_convolution(const ConvShape& s, const float* x, const float* w, const float* b, float* y) {
  return forward(s, false, x, w, b, y);
}
bool library_convolution_data_gradient(const ConvShape& s, const float* dy, const float* w, float* dx) {
  return data_gradient(s, false, dy, w, dx);
}
bool library_convolution_weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw) {
  return weight_gradient(s, false, x, dy, dw);
}
bool library_depthwise(const ConvShape& s, const float* x, const float* w, float* y) {
  return forward(s, true, x, w, nullptr, y);
}
bool library_depthwise_data_gradient(const ConvShape& s, const float* dy, const float* w, float* dx) {
  return data_gradient(s, true, dy, w, dx);
}
bool library_depthwise_weight_gradient(const ConvShape& s, const float* x, const float* dy, float* dw) {
  return weight_gradient(s, true, x, dy, dw);
}

namespace {

Description description_of(ConvolutionPart part, const ConvShape& s, bool depthwise, bool has_bias) {
  switch (part) {
    case ConvolutionPart::data_gradient: return cudnn::convolution_data_gradient(s, depthwise);
    case ConvolutionPart::weight_gradient: return cudnn::convolution_weight_gradient(s, depthwise);
    case ConvolutionPart::forward: break;
  }
  return has_bias ? cudnn::biased_convolution(s, depthwise, cudnn::Ending::none) : cudnn::convolution(s, depthwise);
}

}  // namespace

std::vector<Candidate> convolution_candidates(ConvolutionPart part, const ConvShape& s, bool depthwise, bool has_bias,
                                              const std::function<void()>& own, const std::function<bool()>& library) {
  const Candidate ours = own_candidate(own);
  const Candidate theirs{Kernels::cudnn, library, {description_of(part, s, depthwise, has_bias).plan_name()}};
  const bool is_ours_first = depthwise || part == ConvolutionPart::weight_gradient;
  return is_ours_first ? std::vector{ours, theirs} : std::vector{theirs, ours};
}

void run_convolution(ConvolutionPart part, const ConvShape& s, bool depthwise, bool has_bias, const std::function<void()>& own,
                     const std::function<bool()>& library) {
  run_candidates(description_of(part, s, depthwise, has_bias).what,
                 convolution_candidates(part, s, depthwise, has_bias, own, library));
}

}  // namespace vitrine::cuda
