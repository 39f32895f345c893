#include "layers/cudnn/convolution.h"

#include "base/error.h"
#include "layers/cudnn/biased.h"
#include "layers/cudnn/layout.h"
#include "layers/cudnn/run.h"
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

// Weights in cuDNN's order as Stored, in memory that lives until the device has read them: it is given back in the order of the stream.
template <class Stored>
class Weights {
 public:
  Weights(const ConvShape& s, bool depthwise)
      : layout_(layout_of(s, depthwise)),
        room_(Tensor::uninitialized<Stored>({layout_.K, layout_.R, layout_.S, layout_.C}, current())),
        data_(room_.template mutable_data<Stored>()) {}

  template <class Weight>
  const Stored* of(const Weight* w) {
    to_cudnn_weights(layout_, w, data_);
    return data_;
  }
  Stored* data() { return data_; }
  void give_to(float* dw) const { from_cudnn_weights(layout_, data_, dw); }

 private:
  ConvShape layout_;
  Tensor room_;
  Stored* data_;
};

const char* op_of(bool depthwise) { return depthwise ? "depthwise_conv2d" : "conv2d"; }

// Results in the type of the images, but for weight gradients, which are float32.
Description in_type(const Description& d, DType type, bool outputs_too) {
  return type == DType::bf16 ? d.in_bfloat16(outputs_too) : d;
}

template <class Stored, class Weight>
bool forward(const ConvShape& s, bool depthwise, const Stored* x, const Weight* w, const float* b, Stored* y) {
  if (!cudnn::is_used()) return false;
  Weights<Stored> weights(s, depthwise);
  const char* const op = op_of(depthwise);
  if (b != nullptr)
    return cudnn::run(op, cudnn::biased_convolution(s, depthwise, cudnn::Ending::none), {x, weights.of(w), b, y});
  return cudnn::run(op, in_type(cudnn::convolution(s, depthwise), dtype_of<Stored>, true), {x, weights.of(w), y});
}

template <class Stored, class Weight>
bool data_gradient(const ConvShape& s, bool depthwise, const Stored* dy, const Weight* w, Stored* dx) {
  if (!cudnn::is_used()) return false;
  Weights<Stored> weights(s, depthwise);
  const Description graph = in_type(cudnn::convolution_data_gradient(s, depthwise), dtype_of<Stored>, true);
  return cudnn::run(op_of(depthwise), graph, {dy, weights.of(w), dx});
}

template <class Stored>
bool weight_gradient(const ConvShape& s, bool depthwise, const Stored* x, const Stored* dy, float* dw) {
  if (!cudnn::is_used()) return false;
  Weights<float> weights(s, depthwise);
  const Description graph = in_type(cudnn::convolution_weight_gradient(s, depthwise), dtype_of<Stored>, false);
  if (!cudnn::run(op_of(depthwise), graph, {x, dy, weights.data()})) return false;
  weights.give_to(dw);
  return true;
}

}  // namespace

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
bool library_convolution(const ConvShape& s, const BFloat16* x, const BFloat16* w, const float*, BFloat16* y) {
  return forward(s, false, x, w, nullptr, y);
}
template <class Stored>
bool library_convolution_data_gradient(const ConvShape& s, const Stored* dy, const Stored* w, Stored* dx) {
  return data_gradient(s, false, dy, w, dx);
}
template <class Stored>
bool library_convolution_weight_gradient(const ConvShape& s, const Stored* x, const Stored* dy, float* dw) {
  return weight_gradient(s, false, x, dy, dw);
}
template <class Stored>
bool library_depthwise(const ConvShape& s, const Stored* x, const float* w, Stored* y) {
  return forward(s, true, x, w, nullptr, y);
}
template <class Stored>
bool library_depthwise_data_gradient(const ConvShape& s, const Stored* dy, const float* w, Stored* dx) {
  return data_gradient(s, true, dy, w, dx);
}
template <class Stored>
bool library_depthwise_weight_gradient(const ConvShape& s, const Stored* x, const Stored* dy, float* dw) {
  return weight_gradient(s, true, x, dy, dw);
}

template bool library_convolution_data_gradient(const ConvShape&, const float*, const float*, float*);
template bool library_convolution_data_gradient(const ConvShape&, const BFloat16*, const BFloat16*, BFloat16*);
template bool library_convolution_weight_gradient(const ConvShape&, const float*, const float*, float*);
template bool library_convolution_weight_gradient(const ConvShape&, const BFloat16*, const BFloat16*, float*);
template bool library_depthwise(const ConvShape&, const float*, const float*, float*);
template bool library_depthwise(const ConvShape&, const BFloat16*, const float*, BFloat16*);
template bool library_depthwise_data_gradient(const ConvShape&, const float*, const float*, float*);
template bool library_depthwise_data_gradient(const ConvShape&, const BFloat16*, const float*, BFloat16*);
template bool library_depthwise_weight_gradient(const ConvShape&, const float*, const float*, float*);
template bool library_depthwise_weight_gradient(const ConvShape&, const BFloat16*, const BFloat16*, float*);

Description description_of(const ConvolutionWork& work) {
  const ConvShape& s = work.shape;
  switch (work.part) {
    case ConvolutionPart::data_gradient: return in_type(cudnn::convolution_data_gradient(s, work.depthwise), work.type, true);
    case ConvolutionPart::weight_gradient:
      return in_type(cudnn::convolution_weight_gradient(s, work.depthwise), work.type, false);
    case ConvolutionPart::forward: break;
  }
  return work.has_bias ? cudnn::biased_convolution(s, work.depthwise, cudnn::Ending::none)
                       : in_type(cudnn::convolution(s, work.depthwise), work.type, true);
}

std::vector<Candidate> convolution_candidates(const ConvolutionWork& work, const std::function<void()>& own,
                                              const std::function<bool()>& library) {
  const Candidate ours = own_candidate(own);
  const Candidate theirs{Kernels::cudnn, library, {description_of(work).plan_name()}};
  const bool is_ours_first = work.depthwise || work.part == ConvolutionPart::weight_gradient;
  return is_ours_first ? std::vector{ours, theirs} : std::vector{theirs, ours};
}

void run_convolution(const ConvolutionWork& work, const std::function<void()>& own, const std::function<bool()>& library) {
  run_candidates(description_of(work).what, convolution_candidates(work, own, library));
}

}  // namespace vitrine::cuda
