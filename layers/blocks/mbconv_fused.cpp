#include "layers/blocks/mbconv_fused.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/blocks/batch_statistics.h"
#include "layers/blocks/planes.h"
#include "layers/blocks/squeeze_excitation_fused.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cuda {
extern const kernels::FusedPointwiseKernels fused_pointwise_table;
extern const kernels::FusedDepthwiseKernels fused_depthwise_table;
extern const kernels::FusedPointwiseKernelsOf<BFloat16> fused_pointwise_bfloat16_table;
extern const kernels::FusedDepthwiseKernelsOf<BFloat16> fused_depthwise_bfloat16_table;
}  // namespace vitrine::cuda

namespace vitrine {
namespace kernels {

namespace scalar {
extern const FusedPointwiseKernels fused_pointwise_table;
extern const FusedDepthwiseKernels fused_depthwise_table;
}  // namespace scalar
namespace avx2 {
extern const FusedPointwiseKernels fused_pointwise_table;
extern const FusedDepthwiseKernels fused_depthwise_table;
}  // namespace avx2
namespace avx512 {
extern const FusedPointwiseKernels fused_pointwise_table;
extern const FusedDepthwiseKernels fused_depthwise_table;
}  // namespace avx512

const FusedPointwiseKernels& fused_pointwise_kernels(Device device) {
  return for_device(device, scalar::fused_pointwise_table, avx2::fused_pointwise_table, avx512::fused_pointwise_table,
                    vitrine::cuda::fused_pointwise_table);
}
const FusedDepthwiseKernels& fused_depthwise_kernels(Device device) {
  return for_device(device, scalar::fused_depthwise_table, avx2::fused_depthwise_table, avx512::fused_depthwise_table,
                    vitrine::cuda::fused_depthwise_table);
}

const FusedPointwiseKernelsOf<BFloat16>& fused_pointwise_kernels_in_bfloat16(Device device) {
  return vitrine::cuda::on(device, vitrine::cuda::fused_pointwise_bfloat16_table);
}
const FusedDepthwiseKernelsOf<BFloat16>& fused_depthwise_kernels_in_bfloat16(Device device) {
  return vitrine::cuda::on(device, vitrine::cuda::fused_depthwise_bfloat16_table);
}

}  // namespace kernels

namespace {

// The kernels of a device for the type in which tensors lie in memory.
template <class Stored>
const kernels::FusedPointwiseKernelsOf<Stored>& pointwise_kernels(Device device) {
  if constexpr (std::is_same_v<Stored, BFloat16>) {
    return kernels::fused_pointwise_kernels_in_bfloat16(device);
  } else {
    return kernels::fused_pointwise_kernels(device);
  }
}
template <class Stored>
const kernels::FusedDepthwiseKernelsOf<Stored>& depthwise_kernels(Device device) {
  if constexpr (std::is_same_v<Stored, BFloat16>) {
    return kernels::fused_depthwise_kernels_in_bfloat16(device);
  } else {
    return kernels::fused_depthwise_kernels(device);
  }
}

constexpr std::int64_t kMostSegments = 16;    // more would only cost memory for partial sums
constexpr std::int64_t kSegmentPixels = 256;  // fewer would make short loops

// The gradient of a weight, [rows][columns] in a kernel's eyes: written by it where there is one segment, else summed over segments.
// A CUDA device's kernels sum over segments themselves.
class WeightGradient {
 public:
  WeightGradient(std::int64_t segments, bool joined, std::int64_t rows, std::int64_t columns, const Shape& shape, Device device)
      : segments_(segments), rows_(rows), columns_(columns), result_(Tensor::uninitialized(shape, device)) {
    if (segments > 1 && !joined && !device.is_cuda()) partial_.emplace(segments, rows, columns, device);
  }
  kernels::WeightGradientTarget target() {
    return partial_ ? kernels::WeightGradientTarget{partial_->data(), nullptr}
                    : kernels::WeightGradientTarget{nullptr, result_.mutable_data()};
  }
  Tensor summed(bool transposed) {
    if (partial_) {
      kernels::norm_sums_kernels(result_.device())
          .weights(partial_->data(), segments_, rows_, columns_, transposed, result_.mutable_data());
    }
    return result_;
  }

 private:
  std::int64_t segments_, rows_, columns_;
  Tensor result_;
  std::optional<PartialSums> partial_;
};

// An expanded tensor (layers/blocks/planes.h).
template <class Stored>
Tensor planes(std::int64_t rows, std::int64_t channels, Device device) {
  return Tensor::uninitialized<Stored>({kernels::plane_floats(rows, channels)}, device);
}

// The inputs of fused_mbconv, in the order in which it records them.
enum Input : std::size_t {
  kX,
  kExpandWeight,
  kExpandGamma,
  kExpandBeta,
  kDepthwiseWeight,
  kDepthwiseGamma,
  kDepthwiseBeta,
  kProjectWeight,
  kReduceWeight,
  kReduceBias,
  kExciteWeight,
  kExciteBias,
  kInputs
};

struct FusedMBConvNode final : Node {
  kernels::MBConvShape shape;
  Tensor x, z1, z2;  // z1 undefined without expansion
  NormTensor norm1, norm2;
  double eps1 = 0, eps2 = 0;  // that went into their constants
  Tensor beta1, beta2;
  Tensor w_expand, w_depthwise, w_project;
  Tensor rounded;   // w_expand, then w_project, where x lies in bfloat16: what the products read
  GateValues gate;  // from the pooled values on; undefined without squeeze-excitation

  std::string_view name() const override { return "fused_mbconv"; }
  void visit(SavedVisitor& show) const override {
    show("x", x), show("z1", z1), show("z2", z2);
    show("norm1", norm1.values), show("beta1", beta1), show("norm2", norm2.values), show("beta2", beta2);
    show("w_expand", w_expand), show("w_depthwise", w_depthwise), show("w_project", w_project);
    if (rounded.defined()) show("rounded", rounded);
    show_window(show, shape.depthwise);
    show("images", shape.images), show("activation", static_cast<int>(shape.activation));
    show("eps1", eps1), show("eps2", eps2);
    gate.visit(show);
  }
  bool expands() const { return z1.defined(); }
  kernels::NormOnLoad first() const {
    return expands() ? kernels::NormOnLoad{norm1.view(), beta1.data()} : kernels::NormOnLoad{};
  }
  kernels::NormOnLoad second() const { return {norm2.view(), beta2.data()}; }
  const Tensor& input_tensor() const { return expands() ? z1 : x; }
  std::int64_t project_at() const { return expands() ? vitrine::cuda::second_at(w_expand.size()) : 0; }
  template <class Stored>
  const Stored* expand_weight() const {
    if constexpr (std::is_same_v<Stored, BFloat16>)
      return rounded.data<BFloat16>();
    else
      return w_expand.data();
  }
  template <class Stored>
  const Stored* project_weight() const {
    if constexpr (std::is_same_v<Stored, BFloat16>)
      return rounded.data<BFloat16>() + project_at();
    else
      return w_project.data();
  }
  bool has_gate() const { return gate.gate.defined(); }
  const float* scale() const { return has_gate() ? gate.gate.data() : nullptr; }

  // In the type of x.
  Tensor forward(MBConv& block) {
    if (x.dtype() != DType::bf16) return forward_in<float>(block);
    round_weights();
    return forward_in<BFloat16>(block);
  }
  std::vector<Tensor> backward(const Tensor& dz3, const Wanted& wanted) const override {
    return x.dtype() == DType::bf16 ? backward_in<BFloat16>(dz3, wanted) : backward_in<float>(dz3, wanted);
  }

 private:
  void round_weights();
  template <class Stored>
  Tensor forward_in(MBConv& block);
  template <class Stored>
  std::vector<Tensor> backward_in(const Tensor& dz3, const Wanted& wanted) const;
};

void FusedMBConvNode::round_weights() {
  const std::int64_t first = w_expand.defined() ? w_expand.size() : 0, at = vitrine::cuda::second_at(first);
  rounded = Tensor::uninitialized<BFloat16>({at + w_project.size()}, x.device());
  vitrine::cuda::make_current(x.device());
  vitrine::cuda::round_to_bfloat16("mbconv weights", first > 0 ? w_expand.data() : nullptr, first, w_project.data(),
                                   w_project.size(), rounded.mutable_data<BFloat16>());
}

template <class Stored>
Tensor FusedMBConvNode::forward_in(MBConv& block) {
  const ConvShape& d = shape.depthwise;
  const Device device = x.device();
  const auto& pointwise = pointwise_kernels<Stored>(device);
  const auto& depthwise = depthwise_kernels<Stored>(device);
  if (block.expand) {
    z1 = planes<Stored>(d.N * d.H * d.W, d.C, device);
    NormOfBatch statistics(block.expand->norm, shape.segments(), d.N * d.H * d.W, device);
    pointwise.expand(shape, x.data<Stored>(), expand_weight<Stored>(), z1.mutable_data<Stored>(), statistics.target());
    norm1 = statistics.result();
    beta1 = block.expand->norm.beta.value;
    eps1 = block.expand->norm.eps;
  }
  z2 = planes<Stored>(d.N * d.P * d.Q, d.C, device);
  NormOfBatch statistics(block.depthwise.norm, shape.segments(), d.N * d.P * d.Q, device);
  depthwise.forward(shape, first(), input_tensor().data<Stored>(), w_depthwise.data(), z2.mutable_data<Stored>(),
                    statistics.target());
  norm2 = statistics.result();
  beta2 = block.depthwise.norm.beta.value;
  eps2 = block.depthwise.norm.eps;
  if (block.se) {
    Tensor mean = Tensor::uninitialized({d.N, d.C}, device);
    depthwise.pool(shape, second(), z2.data<Stored>(), mean.mutable_data());
    gate = gate_forward(*block.se, std::move(mean));
  }
  Tensor z3 = Tensor::uninitialized<Stored>({d.N, d.P, d.Q, shape.out}, device);
  pointwise.project(shape, second(), z2.data<Stored>(), scale(), project_weight<Stored>(), z3.mutable_data<Stored>());
  return z3;
}

template <class Stored>
std::vector<Tensor> FusedMBConvNode::backward_in(const Tensor& dz3, const Wanted& wanted) const {
  const ConvShape& d = shape.depthwise;
  const std::int64_t segments = shape.segments(), M = d.C;
  const Device device = x.device();
  const auto& pointwise = pointwise_kernels<Stored>(device);
  const auto& depthwise = depthwise_kernels<Stored>(device);
  std::vector<Tensor> gradients(kInputs);
  // B1: the projection
  Tensor g2 = Tensor::uninitialized<Stored>(z2.shape(), device), gate_gradient;
  Stored* const g2_data = g2.mutable_data<Stored>();
  if (has_gate()) gate_gradient = Tensor::uninitialized({d.N, M}, device);
  {
    WeightGradient weights(segments, kernels::joins_segments(shape, shape.out), shape.out, M, w_project.shape(), device);
    pointwise.project_gradient(shape, second(), z2.data<Stored>(), scale(), project_weight<Stored>(), dz3.data<Stored>(),
                               g2_data, has_gate() ? gate_gradient.mutable_data() : nullptr, weights.target());
    gradients[kProjectWeight] = weights.summed(true);
  }
  // B2: the gate
  Tensor pooled_gradient;
  if (has_gate()) {
    GateGradients g = gate_backward(gate, gate_gradient);
    pooled_gradient = std::move(g.z);
    gradients[kReduceWeight] = std::move(g.reduce_weight);
    gradients[kReduceBias] = std::move(g.reduce_bias);
    gradients[kExciteWeight] = std::move(g.expand_weight);
    gradients[kExciteBias] = std::move(g.expand_bias);
  }
  // B3: the activation after the depthwise convolution, and its norm
  NormGradients second_norm(segments, M, d.N * d.P * d.Q, device);
  depthwise.activation_gradient(shape, second(), z2.data<Stored>(), scale(), has_gate() ? pooled_gradient.data() : nullptr,
                                g2_data, second_norm.target());
  second_norm.finish();
  gradients[kDepthwiseGamma] = second_norm.gamma;
  gradients[kDepthwiseBeta] = second_norm.beta;
  // B4: the depthwise convolution, and the activation before it
  Tensor g1 = Tensor::uninitialized<Stored>(input_tensor().shape(), device);
  NormGradients first_norm(segments, M, d.N * d.H * d.W, device);
  WeightGradient taps(segments, false, d.R * d.S, M, w_depthwise.shape(), device);
  depthwise.gradient(shape, first(), second(), second_norm.means(), input_tensor().data<Stored>(), z2.data<Stored>(), g2_data,
                     w_depthwise.data(), g1.mutable_data<Stored>(), first_norm.target(), taps.target());
  gradients[kDepthwiseWeight] = taps.summed(false);
  if (!expands()) {
    gradients[kX] = std::move(g1);
    return gradients;
  }
  // B5: the expansion
  first_norm.finish();
  gradients[kExpandGamma] = first_norm.gamma;
  gradients[kExpandBeta] = first_norm.beta;
  WeightGradient weights(segments, kernels::joins_segments(shape, shape.in), shape.in, M, w_expand.shape(), device);
  Tensor scratch = Tensor::uninitialized(w_expand.shape(), device);
  if (wanted[kX]) gradients[kX] = Tensor::uninitialized<Stored>(x.shape(), device);
  pointwise.expand_gradient(shape, first(), first_norm.means(), x.data<Stored>(), z1.data<Stored>(), expand_weight<Stored>(),
                            scratch.mutable_data(), g1.mutable_data<Stored>(),
                            wanted[kX] ? gradients[kX].mutable_data<Stored>() : nullptr, weights.target());
  gradients[kExpandWeight] = weights.summed(false);
  return gradients;
}

}  // namespace

bool kernels::joins_segments(const MBConvShape& s, std::int64_t rows) {
  constexpr std::int64_t kSecondCache = 2 << 20;  // bytes
  const std::int64_t M = s.depthwise.C, slabs = (M + kSlab - 1) / kSlab, threads = thread_count();
  const std::int64_t rounds = (slabs + threads - 1) / threads;
  const bool busy = rounds * threads * 8 <= slabs * 9;  // all threads have work for eight ninths of the time
  return busy && s.segments() > 1 && s.segments() * rows * M * static_cast<std::int64_t>(sizeof(double)) > kSecondCache;
}

kernels::MBConvShape kernels::fused_mbconv_shape(const MBConv& block, const Shape& x) {
  const Tensor& w = block.depthwise.weight.value;
  const Padding padding = block.depthwise.padding_for(x[1], x[2]);
  const std::int64_t R = w.shape()[0], M = w.shape()[2], stride = block.depthwise.stride;
  kernels::MBConvShape s;
  s.depthwise = {.N = x[0],
                 .H = x[1],
                 .W = x[2],
                 .C = M,
                 .R = R,
                 .S = R,
                 .K = M,
                 .P = output_size(x[1], padding.top, padding.bottom, R, stride),
                 .Q = output_size(x[2], padding.left, padding.right, R, stride),
                 .stride = stride,
                 .padding = padding};
  s.in = x[3];
  s.out = block.project.weight.value.shape().back();
  s.activation = block.depthwise.activation.value_or(Activation::swish);
  const std::int64_t pixels = x[1] * x[2];
  if (kernels::sums_whole_batches(block.depthwise.weight.value.device())) {
    s.images = x[0];
    return s;
  }
  s.images = std::min(x[0], std::max((x[0] + kMostSegments - 1) / kMostSegments, (kSegmentPixels + pixels - 1) / pixels));
  return s;
}

bool fits_fused_mbconv(const MBConv& block, const Shape& x) {
  const ConvNorm& d = block.depthwise;
  const Shape& w = d.weight.value.shape();
  if (x.rank() != 4 || x.elements() < 1 || w[0] != w[1] || (w[0] != 3 && w[0] != 5) || d.stride < 1 || d.stride > 2)
    return false;
  if (d.activation) unary_name(*d.activation);  // refuses what is no activation
  if (!d.activation || block.project.activation || (block.se && !fits_fused_gate(*block.se))) return false;
  if (block.expand) {
    const Shape& e = block.expand->weight.value.shape();
    if (e[2] != x[3] || e[3] % kernels::kSlab != 0 || block.expand->activation != d.activation) return false;
  } else if (w[2] != x[3]) {
    return false;
  }
  const kernels::MBConvShape s = kernels::fused_mbconv_shape(block, x);
  if (x[0] * x[1] * x[2] > std::numeric_limits<std::int32_t>::max()) return false;
  return s.depthwise.P >= 1 && s.depthwise.Q >= 1 && s.depthwise.N * s.depthwise.P * s.depthwise.Q >= 2;
}

Variable fused_mbconv(MBConv& block, const Variable& x, const Pass& pass) {
  auto node = std::make_unique<FusedMBConvNode>();
  node->shape = kernels::fused_mbconv_shape(block, x.shape());
  node->x = x.tensor();
  node->w_depthwise = block.depthwise.weight.value;
  node->w_project = block.project.weight.value;
  std::vector<Variable> inputs(kInputs);
  inputs[kX] = x;
  const auto add_unit = [&](std::size_t at, const ConvNorm& unit) {
    inputs[at] = pass.parameter(unit.weight);
    inputs[at + 1] = pass.parameter(unit.norm.gamma);
    inputs[at + 2] = pass.parameter(unit.norm.beta);
  };
  if (block.expand) {
    node->w_expand = block.expand->weight.value;
    add_unit(kExpandWeight, *block.expand);
  }
  add_unit(kDepthwiseWeight, block.depthwise);
  inputs[kProjectWeight] = pass.parameter(block.project.weight);
  if (block.se) {
    inputs[kReduceWeight] = pass.parameter(block.se->reduce_weight);
    inputs[kReduceBias] = pass.parameter(block.se->reduce_bias);
    inputs[kExciteWeight] = pass.parameter(block.se->expand_weight);
    inputs[kExciteBias] = pass.parameter(block.se->expand_bias);
  }
  expect_float32_or_bfloat16("fused_mbconv", inputs);
  Tensor z3 = node->forward(block);
  return pass.tape->record(std::move(z3), std::move(node), inputs);
}

}  // namespace vitrine
