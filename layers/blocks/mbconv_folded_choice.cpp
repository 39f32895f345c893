// Which kernels predict on a CUDA device, layer by layer: ours, cuBLASLt's product with our passes around it, or cuDNN's graphs
// (tensor/cuda/candidates.h). Ours are preferred where nothing is timed, and are the only ones beside float32.
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "layers/blocks/mbconv_folded.h"
#include "layers/blocks/mbconv_folded_cuda.h"
#include "layers/blocks/mbconv_folded_graphs.h"
#include "layers/cudnn/convolution.h"
#include "tensor/cuda/blas.h"
#include "tensor/cuda/runtime.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace {

using kernels::FoldedShape;
using kernels::FoldedSweep;
using kernels::Packed;

// Training in fewer bits is still evaluated in float32, as `predict` predicts.
void run_best(const std::string& what, std::vector<Candidate> candidates) {
  const bool is_float32 = settings().precision == Precision::fp32;
  if (!is_float32 && settings().kernels != Kernels::cudnn) candidates.resize(1);
  run_candidates(text("prediction, ", what), candidates);
}

std::string name_of(std::optional<Activation> activation) {
  return activation ? text(" ", unary_name(*activation)) : std::string();
}

// x w + bias by cuBLASLt, the activation in a pass.
Candidate dense_product(const char* op, std::int64_t rows, const Packed& w, std::optional<Activation> activation,
                        const float* x, float* y) {
  const ProductShape shape{op, rows, w.N, w.K, false, true};
  const auto run = [=] {
    if (w.by_output == nullptr || !library_product(shape, x, w.by_output, w.bias(), y)) return false;
    if (activation) kernels::unary_kernels(current()).forward(*activation, y, rows * w.N, y);
    return true;
  };
  return {Kernels::cublaslt, run, {shape.plan_name(true)}};
}

void dense(const char* op, std::int64_t rows, const Packed& w, std::optional<Activation> activation, const float* x, float* y) {
  run_best(text("dense ", rows, " x ", w.K, " to ", w.N, name_of(activation)),
           {own_candidate([=] { own_folded_dense(op, rows, w, activation, x, y); }),
            dense_product(op, rows, w, activation, x, y), folded_dense_graph(op, rows, w, activation, x, y)});
}

void convolution(const ConvShape& s, const Packed& w, Activation activation, const float* x, float* y) {
  const Candidate graph = folded_convolution_graph(s, w, activation, x, y);
  run_best(text(cudnn::convolution(s, false).what, name_of(activation)),
           {own_candidate([=] { own_folded_convolution(s, w, activation, x, y); }), graph});
}

void depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d) {
  const Candidate graph = folded_depthwise_graph(s, sweep, x, d);
  run_best(text(cudnn::convolution(s.depthwise, true).what, name_of(s.activation)),
           {own_candidate([=] { own_folded_depthwise(s, sweep, x, d); }), graph});
}

void expand_depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  const ConvShape& z = s.depthwise;
  const float* input = x;
  Tensor expanded;
  if (sweep.expand.panels != nullptr) {
    expanded = Tensor::uninitialized({z.N * z.H * z.W, z.C}, current());
    float* const to = expanded.mutable_data();
    dense("mbconv expand", z.N * z.H * z.W, sweep.expand, s.activation, x, to);
    input = to;
  }
  depthwise(s, sweep, input, d);
  if (mean == nullptr) return;
  const std::int64_t pixels = z.P * z.Q;
  run_best(text("mean over ", pixels, " pixels of ", z.N, " x ", z.C),
           {own_candidate([=] { own_expanded_mean("mbconv pool", z.N, pixels, z.C, d, mean); }),
            folded_mean_graph(z.N, pixels, z.C, d, mean)});
}

void gate(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden, float* gates) {
  run_best(text("gate ", N, " x ", reduce.K, " by ", reduce.N),
           {own_candidate([=] { own_folded_gate(N, reduce, expand, mean, hidden, gates); }),
            folded_gate_graphs(N, reduce, expand, mean, hidden, gates)});
}

// The gate in a pass, cuBLASLt's product, the residual in another pass.
Candidate project_product(std::int64_t N, std::int64_t pixels, const Packed& w, const float* d, const float* gates,
                          const float* skip, float* y) {
  const ProductShape shape{"mbconv project", N * pixels, w.N, w.K, false, true};
  const auto run = [=] {
    if (w.by_output == nullptr) return false;
    const float* input = d;
    Tensor scaled;
    if (gates != nullptr) {
      scaled = Tensor::uninitialized({N * pixels, w.K}, current());
      float* const q = scaled.mutable_data();
      scale_folded(N, pixels, w.K, d, gates, q);
      input = q;
    }
    if (!library_product(shape, input, w.by_output, w.bias(), y)) return false;
    if (skip != nullptr) add_folded("mbconv project", N * pixels * w.N, skip, y);
    return true;
  };
  return {Kernels::cublaslt, run, {shape.plan_name(true)}};
}

void project(std::int64_t N, std::int64_t pixels, const Packed& w, const float* d, const float* gates, const float* skip,
             float* y) {
  run_best(text(gates != nullptr ? "gated " : "", "projection ", N, " x ", pixels, " x ", w.K, " to ", w.N,
                skip != nullptr ? " residual" : ""),
           {own_candidate([=] { own_folded_project(N, pixels, w, d, gates, skip, y); }),
            project_product(N, pixels, w, d, gates, skip, y), folded_project_graphs(N, pixels, w, d, gates, skip, y)});
}

void head(std::int64_t N, std::int64_t pixels, const Packed& w, Activation activation, const float* x, float* mean) {
  Tensor room = Tensor::uninitialized({N * pixels, w.N}, current());
  float* const z = room.mutable_data();
  dense("head", N * pixels, w, activation, x, z);
  run_best(text("mean over ", pixels, " pixels of ", N, " x ", w.N),
           {own_candidate([=] { own_row_mean("head", N, pixels, w.N, z, mean); }), folded_mean_graph(N, pixels, w.N, z, mean)});
}

void linear(std::int64_t N, const Packed& w, const float* x, float* y) {
  run_best(text("linear ", N, " x ", w.K, " to ", w.N),
           {own_candidate([=] { own_folded_dense("classifier", N, w, std::nullopt, x, y); }),
            dense_product("classifier", N, w, std::nullopt, x, y), folded_linear_graph(N, w, x, y)});
}

}  // namespace

bool folded_libraries_may_run() {
  const Settings& s = settings();
  if (s.tier == Tier::portable || s.kernels == Kernels::own) return false;
  return s.kernels == Kernels::cudnn || current().is_gpu();
}

extern const kernels::FoldedKernels folded_table;
const kernels::FoldedKernels folded_table = {convolution, expand_depthwise, gate, project, head, linear};

}  // namespace vitrine::cuda
