#include "layers/blocks/mbconv_folded_graphs.h"

#include "layers/cudnn/biased.h"
#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "tensor/cuda/runtime.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace {

using cudnn::Description;
using cudnn::Ending;
using kernels::FoldedShape;
using kernels::FoldedSweep;
using kernels::Packed;

struct WeightsAndBias {
  const float *w, *bias;  // w by outputs; null where none were folded
};

// A convolution of the whole `s` with what stands behind it.
Candidate convolution_of(const char* op, const ConvShape& s, bool depthwise, WeightsAndBias u,
                         std::optional<Activation> activation, const float* skip, const float* x, float* y) {
  const bool is_swish = activation == Activation::swish;
  const Ending ending = skip != nullptr ? Ending::residual : is_swish ? Ending::swish : Ending::none;
  const Description d = cudnn::biased_convolution(s, depthwise, ending);
  const auto run = [=] {
    if (u.w == nullptr) return false;
    const bool done = skip != nullptr ? cudnn::run(op, d, {x, u.w, u.bias, skip, y}) : cudnn::run(op, d, {x, u.w, u.bias, y});
    if (done && activation && !is_swish) kernels::unary_kernels(current()).forward(*activation, y, s.N * s.P * s.Q * s.K, y);
    return done;
  };
  return {Kernels::cudnn, run, {d.plan_name()}};
}

// A 1 x 1 convolution over images of `rows` by `columns` pixels.
ConvShape pointwise_shape(std::int64_t N, std::int64_t rows, std::int64_t columns, std::int64_t C, std::int64_t K) {
  return {N, rows, columns, C, 1, 1, K, rows, columns, 1, {}};
}

Candidate linear_to(const char* op, std::int64_t N, const Packed& w, Ending ending, const float* x, float* y) {
  const Description d = cudnn::biased_linear(N, w.K, w.N, ending, cudnn::WeightOrder::by_output);
  return {Kernels::cudnn,
          [=] {
            return w.by_output != nullptr && cudnn::run(op, d, {x, w.by_output, w.bias(), y});
          },
          {d.plan_name()}};
}

}  // namespace

Candidate folded_dense_graph(const char* op, std::int64_t rows, const Packed& w, std::optional<Activation> activation,
                             const float* x, float* y) {
  return convolution_of(op, pointwise_shape(1, rows, 1, w.K, w.N), false, {w.by_output, w.bias()}, activation, nullptr, x, y);
}

Candidate folded_convolution_graph(const ConvShape& z, const Packed& w, Activation activation, const float* x, float* y) {
  return convolution_of("stem", z, false, {w.by_output, w.bias()}, activation, nullptr, x, y);
}

Candidate folded_depthwise_graph(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d) {
  return convolution_of("mbconv depthwise", s.depthwise, true, {sweep.by_output, sweep.bias}, s.activation, nullptr, x, d);
}

Candidate folded_gate_graphs(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden,
                             float* gates) {
  const Candidate first = linear_to("gate", N, reduce, Ending::swish, mean, hidden);
  const Candidate second = linear_to("gate", N, expand, Ending::sigmoid, hidden, gates);
  return {Kernels::cudnn, [=] { return first.run() && second.run(); }, {first.plans.front(), second.plans.front()}};
}

Candidate folded_project_graphs(std::int64_t N, std::int64_t pixels, const Packed& w, const float* d, const float* gates,
                                const float* skip, float* y) {
  const ConvShape s = pointwise_shape(1, N * pixels, 1, w.K, w.N);
  const WeightsAndBias u{w.by_output, w.bias()};
  if (gates == nullptr) return convolution_of("mbconv project", s, false, u, std::nullopt, skip, d, y);
  const auto run = [=] {
    if (u.w == nullptr) return false;
    Tensor scaled = Tensor::uninitialized({N * pixels, w.K}, current());
    float* const q = scaled.mutable_data();
    return library_scale(d, gates, N, pixels, w.K, q) &&
           convolution_of("mbconv project", s, false, u, std::nullopt, skip, q, y).run();
  };
  const Ending ending = skip != nullptr ? Ending::residual : Ending::none;
  return {
      Kernels::cudnn, run, {cudnn::scale(N, pixels, w.K).plan_name(), cudnn::biased_convolution(s, false, ending).plan_name()}};
}

Candidate folded_mean_graph(std::int64_t N, std::int64_t pixels, std::int64_t C, const float* d, float* mean) {
  return {
      Kernels::cudnn, [=] { return library_mean(d, N, pixels, C, mean); }, {cudnn::mean_over_pixels(N, pixels, C).plan_name()}};
}

Candidate folded_linear_graph(std::int64_t N, const Packed& w, const float* x, float* y) {
  return linear_to("classifier", N, w, Ending::none, x, y);
}

}  // namespace vitrine::cuda
