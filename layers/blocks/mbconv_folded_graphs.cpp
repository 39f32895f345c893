#include "layers/blocks/mbconv_folded_graphs.h"

#include <optional>

#include "layers/cudnn/biased.h"
#include "layers/cudnn/layout.h"
#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "tensor/cuda/runtime.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace {

using cudnn::Ending;
using kernels::FoldedShape;
using kernels::FoldedSweep;
using kernels::Packed;

// Weights and bias in the order of a graph.
struct Unpacked {
  Tensor w, bias;

  Unpacked(const Packed& packed, bool of_convolution)
      : w(Tensor::uninitialized({packed.K, packed.N}, current())), bias(Tensor::uninitialized({packed.N}, current())) {
    unpack_for_cudnn(packed, of_convolution, w.mutable_data(), bias.mutable_data());
  }
  Unpacked(const ConvShape& s, const float* taps, const float* b)
      : w(Tensor::uninitialized({s.C, s.R * s.S}, current())), bias(Tensor::uninitialized({s.C}, current())) {
    ConvShape layout = s;
    layout.C = 1;
    to_cudnn_weights(layout, taps, w.mutable_data());
    copy_on_device(current().index, bias.mutable_data(), b, static_cast<std::size_t>(s.C) * sizeof(float));
  }
};

void convolve(const char* op, const ConvShape& s, bool depthwise, const Unpacked& u, std::optional<Activation> activation,
              const float* skip, const float* x, float* y) {
  const bool is_swish = activation == Activation::swish;
  const Ending ending = skip != nullptr ? Ending::residual : is_swish ? Ending::swish : Ending::none;
  const cudnn::Description d = cudnn::biased_convolution(s, depthwise, ending);
  if (skip != nullptr) {
    cudnn::run(op, d, {x, u.w.data(), u.bias.data(), skip, y});
  } else {
    cudnn::run(op, d, {x, u.w.data(), u.bias.data(), y});
  }
  if (activation && !is_swish) kernels::unary_kernels(current()).forward(*activation, y, s.N * s.P * s.Q * s.K, y);
}

// A 1 x 1 convolution over images of `rows` by `columns` pixels.
ConvShape pointwise_shape(std::int64_t N, std::int64_t rows, std::int64_t columns, std::int64_t C, std::int64_t K) {
  return {N, rows, columns, C, 1, 1, K, rows, columns, 1, {}};
}

void convolution(const ConvShape& s, const Packed& w, Activation activation, const float* x, float* y) {
  convolve("stem", s, false, Unpacked(w, true), activation, nullptr, x, y);
}

void expand_depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  const ConvShape& z = s.depthwise;
  const float* input = x;
  Tensor expanded;
  if (sweep.expand.panels != nullptr) {
    expanded = Tensor::uninitialized({z.N * z.H * z.W, z.C}, current());
    float* const to = expanded.mutable_data();
    convolve("mbconv expand", pointwise_shape(z.N, z.H, z.W, s.in, z.C), false, Unpacked(sweep.expand, true), s.activation,
             nullptr, x, to);
    input = to;
  }
  convolve("mbconv depthwise", z, true, Unpacked(z, sweep.depthwise, sweep.bias), s.activation, nullptr, input, d);
  if (mean != nullptr) library_mean(d, z.N, z.P * z.Q, z.C, mean);
}

void linear_to(const char* op, std::int64_t N, const Packed& w, Ending ending, const float* x, float* y) {
  const Unpacked u(w, false);
  cudnn::run(op, cudnn::biased_linear(N, w.K, w.N, ending), {x, u.w.data(), u.bias.data(), y});
}

void gate(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden, float* gates) {
  linear_to("gate", N, reduce, Ending::swish, mean, hidden);
  linear_to("gate", N, expand, Ending::sigmoid, hidden, gates);
}

void project(std::int64_t N, std::int64_t pixels, const Packed& w, const float* d, const float* gates, const float* skip,
             float* y) {
  const float* input = d;
  Tensor scaled;
  if (gates != nullptr) {
    scaled = Tensor::uninitialized({N * pixels, w.K}, current());
    float* const to = scaled.mutable_data();
    library_scale(d, gates, N, pixels, w.K, to);
    input = to;
  }
  convolve("mbconv project", pointwise_shape(N, pixels, 1, w.K, w.N), false, Unpacked(w, true), std::nullopt, skip, input, y);
}

void head(std::int64_t N, std::int64_t pixels, const Packed& w, Activation activation, const float* x, float* mean) {
  Tensor room = Tensor::uninitialized({N * pixels, w.N}, current());
  float* const z = room.mutable_data();
  convolve("head", pointwise_shape(N, pixels, 1, w.K, w.N), false, Unpacked(w, true), activation, nullptr, x, z);
  library_mean(z, N, pixels, w.N, mean);
}

void linear(std::int64_t N, const Packed& w, const float* x, float* y) { linear_to("classifier", N, w, Ending::none, x, y); }

}  // namespace

const kernels::FoldedKernels folded_graphs = {convolution, expand_depthwise, gate, project, head, linear};

}  // namespace vitrine::cuda
