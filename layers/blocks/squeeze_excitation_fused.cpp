#include "layers/blocks/squeeze_excitation_fused.h"

#include <algorithm>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/blocks/squeeze_excitation_fused_cpu.h"
#include "layers/kernels/pairwise.h"
#include "layers/linear.h"
#include "layers/sigmoid.h"
#include "layers/unary.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cuda {
extern const kernels::FusedGateKernels fused_gate_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const FewRowsGateKernels few_rows_gate_table;
}
namespace avx2 {
extern const FewRowsGateKernels few_rows_gate_table;
}
namespace avx512 {
extern const FewRowsGateKernels few_rows_gate_table;
}

namespace {

const FewRowsGateKernels& few_rows_gate_kernels() {
  return for_this_machine(scalar::few_rows_gate_table, avx2::few_rows_gate_table, avx512::few_rows_gate_table);
}

// On the CPU the kernels of the composed ops: they are not worth more, and the bits are theirs. A thread takes rows through all of them, so that
// nobody waits for others between two; only sums over rows are loops of their own.
template <class Body>
void for_rows(std::int64_t N, Body body) {
  constexpr std::int64_t kRows = 8;  // of a tile of the products
  parallel_for((N + kRows - 1) / kRows, 1, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t n = first * kRows;
    body(n, std::min(N, last * kRows) - n);
  });
}

void forward(const GateShape& s, const GateWeights& w, const float* z, float* hidden, float* gate) {
  const LinearKernels& linear = linear_kernels();
  Tensor room = Tensor::uninitialized({s.N, s.R});
  float* const active = room.mutable_data();
  for_rows(s.N, [&](std::int64_t n, std::int64_t rows) {
    float *const h = hidden + n * s.R, *const a = active + n * s.R, *const g = gate + n * s.C;
    linear.forward(z + n * s.C, w.reduce, w.reduce_bias, rows, s.C, s.R, h);
    unary_kernels().forward(Unary::swish, h, rows * s.R, a);
    linear.forward(a, w.expand, w.expand_bias, rows, s.R, s.C, g);
    sigmoid_kernels().forward(g, rows * s.C, g);
  });
}

void backward(const GateShape& s, const GateWeights& w, const float* z, const float* hidden, const float* gate, const float* ds,
              float* scratch, const GateTargets& to) {
  if (s.N <= kFewRows) return few_rows_gate_kernels().backward(s, w, z, hidden, gate, ds, scratch, to);
  const LinearKernels& linear = linear_kernels();
  float *const db = scratch, *const active = db + s.N * s.C, *const da = active + s.N * s.R;
  float *const expand = da + s.N * s.R, *const reduce = expand + s.C * s.R;  // transposed
  linear.transpose(w.expand, s.R, s.C, expand);
  linear.transpose(w.reduce, s.C, s.R, reduce);
  for_rows(s.N, [&](std::int64_t n, std::int64_t rows) {
    const float* const h = hidden + n * s.R;
    float *const b = db + n * s.C, *const a = da + n * s.R;
    sigmoid_kernels().backward(gate + n * s.C, ds + n * s.C, rows * s.C, b);
    unary_kernels().forward(Unary::swish, h, rows * s.R, active + n * s.R);
    linear.forward(b, expand, nullptr, rows, s.C, s.R, a);
    unary_kernels().backward(Unary::swish, h, a, rows * s.R, a);
    linear.forward(a, reduce, nullptr, rows, s.R, s.C, to.z + n * s.C);
  });
  linear.backward_weights(active, db, s.N, s.R, s.C, to.expand);
  linear.backward_bias(db, s.N, s.C, to.expand_bias);
  linear.backward_weights(z, da, s.N, s.C, s.R, to.reduce);
  linear.backward_bias(da, s.N, s.R, to.reduce_bias);
}

constexpr FusedGateKernels kTable = {forward, backward};

}  // namespace

const FusedGateKernels& fused_gate_kernels(Device device) {
  return device.is_cuda() ? vitrine::cuda::on(device, vitrine::cuda::fused_gate_table) : kTable;
}

}  // namespace kernels

namespace {

kernels::GateWeights weights_of(const GateValues& v) {
  return {v.reduce_weight.data(), v.reduce_bias.data(), v.expand_weight.data(), v.expand_bias.data()};
}

kernels::GateShape shape_of(const GateValues& v) {
  const Shape &z = v.z.shape(), &w = v.reduce_weight.shape();
  if (z.rank() != 2 || z[0] < 1 || z[1] != w[0])
    throw ShapeError(text("fused_gate: z is ", z.text(), ", expected [N, ", w[0], "]"));
  return {z[0], w[0], w[1]};
}

struct FusedGateNode final : Node {
  GateValues values;

  explicit FusedGateNode(GateValues v) : values(std::move(v)) {}
  std::string_view name() const override { return "fused_gate"; }
  void visit(SavedVisitor& show) const override { values.visit(show); }
  std::vector<Tensor> backward(const Tensor& ds, const Wanted&) const override {
    const GateGradients g = gate_backward(values, ds);
    return {g.z, g.reduce_weight, g.reduce_bias, g.expand_weight, g.expand_bias};
  }
};

}  // namespace

bool fits_fused_gate(const SqueezeExcitation& se) {
  const Shape& w = se.reduce_weight.value.shape();
  const std::int64_t parts = std::max<std::int64_t>((w[0] + kDotChunk - 1) / kDotChunk, 32);
  return (parts + 1) * w[1] <= kernels::kGateFloats;
}

GateValues gate_forward(const SqueezeExcitation& se, Tensor z) {
  GateValues v{std::move(z),        {}, {}, se.reduce_weight.value, se.reduce_bias.value, se.expand_weight.value,
               se.expand_bias.value};
  const kernels::GateShape s = shape_of(v);
  const Device device = v.z.device();
  v.hidden = Tensor::uninitialized({s.N, s.R}, device);
  v.gate = Tensor::uninitialized({s.N, s.C}, device);
  kernels::fused_gate_kernels(device).forward(s, weights_of(v), v.z.data(), v.hidden.mutable_data(), v.gate.mutable_data());
  return v;
}

void GateValues::visit(SavedVisitor& show) const {
  show("z", z), show("hidden", hidden), show("gate", gate);
  show("reduce_weight", reduce_weight), show("reduce_bias", reduce_bias);
  show("expand_weight", expand_weight), show("expand_bias", expand_bias);
}

GateGradients gate_backward(const GateValues& values, const Tensor& ds) {
  const kernels::GateShape s = shape_of(values);
  const Device device = values.z.device();
  GateGradients g{Tensor::uninitialized({s.N, s.C}, device), Tensor::uninitialized({s.C, s.R}, device),
                  Tensor::uninitialized({s.R}, device), Tensor::uninitialized({s.R, s.C}, device),
                  Tensor::uninitialized({s.C}, device)};
  Tensor scratch = Tensor::uninitialized({s.N * s.C + 2 * s.N * s.R + 2 * s.C * s.R}, device);
  kernels::fused_gate_kernels(device).backward(
      s, weights_of(values), values.z.data(), values.hidden.data(), values.gate.data(), ds.data(), scratch.mutable_data(),
      {g.z.mutable_data(), g.reduce_weight.mutable_data(), g.reduce_bias.mutable_data(), g.expand_weight.mutable_data(),
       g.expand_bias.mutable_data()});
  return g;
}

Variable fused_gate(const SqueezeExcitation& se, const Variable& z, const Pass& pass) {
  const Variable inputs[] = {z, pass.parameter(se.reduce_weight), pass.parameter(se.reduce_bias),
                             pass.parameter(se.expand_weight), pass.parameter(se.expand_bias)};
  expect_float32("fused_gate", inputs);
  GateValues values = gate_forward(se, z.tensor());
  Tensor gate = values.gate;
  return record<FusedGateNode>(std::move(gate), inputs, std::move(values));
}

}  // namespace vitrine
