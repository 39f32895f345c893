#include "layers/blocks/conv_norm_fused.h"

#include <memory>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/drop_connect.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::FusedNormKernels fused_norm_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const FusedNormKernels fused_norm_table;
}
namespace avx2 {
extern const FusedNormKernels fused_norm_table;
}
namespace avx512 {
extern const FusedNormKernels fused_norm_table;
}

const FusedNormKernels& fused_norm_kernels(Device device) {
  return for_device(device, scalar::fused_norm_table, avx2::fused_norm_table, avx512::fused_norm_table,
                    vitrine::cuda::fused_norm_table);
}

}  // namespace kernels

namespace {

struct FusedNormNode final : Node {
  kernels::FusedNormShape shape;
  Tensor x, beta, factors;  // factors undefined where nothing is dropped
  NormTensor norm;
  double eps = 0;  // that went into its constants
  bool has_skip = false;

  std::string_view name() const override { return "fused_norm"; }
  void visit(SavedVisitor& show) const override {
    show("x", x), show("beta", beta), show("factors", factors), show("constants", norm.values);
    show("activation", shape.activation ? static_cast<int>(*shape.activation) : -1), show("has_skip", has_skip);
    show("rows_of_segment", shape.rows_of_segment), show("eps", eps);
  }
  kernels::ResidualRows residual() const {
    if (!factors.defined()) return {};
    return {nullptr, factors.data(), shape.rows / factors.size()};
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const kernels::FusedNormKernels& kernels = kernels::fused_norm_kernels(x.device());
    NormGradients g(shape.segments(), shape.C, shape.rows, x.device());
    kernels.gradient_sums(shape, norm.view(), beta.data(), residual(), x.data(), dy.data(), g.target());
    g.finish();
    std::vector<Tensor> gradients{Tensor(), g.gamma, g.beta};
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized(x.shape(), x.device());
      kernels.gradient(shape, norm.view(), beta.data(), residual(), g.means(), x.data(), dy.data(),
                       gradients[0].mutable_data());
    }
    if (has_skip) gradients.push_back(dy);
    return gradients;
  }
};

kernels::FusedNormShape shape_of(const BatchNorm& norm, const Variable& x, const std::optional<Activation>& activation) {
  const Shape& s = x.shape();
  const std::int64_t C = norm.gamma.value.size();
  if (s.rank() < 2 || s.back() != C) throw ShapeError(text("fused_norm: x is ", s.text(), ", expected [..., ", C, "]"));
  if (activation) unary_name(*activation);  // refuses what is none
  kernels::FusedNormShape shape{x.tensor().size() / C, C, activation};
  if (shape.rows < 2) {
    throw ShapeError(text("batch_norm: in training a channel has one value (x ", s.text(), "); use a larger batch or image"));
  }
  if (kernels::sums_whole_batches(x.tensor().device())) shape.rows_of_segment = shape.rows;
  return shape;
}

}  // namespace

Variable fused_norm(BatchNorm& norm, const Variable& x, const std::optional<Activation>& activation, const Pass& pass,
                    const std::optional<Residual>& residual) {
  auto node = std::make_unique<FusedNormNode>();
  node->shape = shape_of(norm, x, activation);
  node->x = x.tensor();
  node->beta = norm.beta.value;
  node->eps = norm.eps;
  const Device device = node->x.device();
  std::vector<Variable> inputs{x, pass.parameter(norm.gamma), pass.parameter(norm.beta)};
  if (residual) inputs.push_back(residual->skip);
  expect_float32("fused_norm", inputs);
  kernels::ResidualRows around;
  if (residual) {
    if (!(residual->skip.shape() == x.shape()))
      throw ShapeError(text("fused_norm: skip is ", residual->skip.shape().text(), " but x is ", x.shape().text()));
    node->has_skip = true;
    if (residual->drop_rate != 0)
      node->factors = drop_factors(residual->drop_rate, pass.key, residual->op, x.shape()[0], device);
    around = node->residual();
    around.skip = residual->skip.tensor().data();
  }
  const kernels::FusedNormKernels& kernels = kernels::fused_norm_kernels(device);
  NormOfBatch statistics(norm, node->shape.segments(), node->shape.rows, device);
  kernels.sums(node->shape, x.tensor().data(), statistics.target());
  node->norm = statistics.result();
  Tensor y = Tensor::uninitialized(x.shape(), device);
  kernels.forward(node->shape, node->norm.view(), norm.beta.value.data(), around, x.tensor().data(), y.mutable_data());
  return pass.tape->record(std::move(y), std::move(node), inputs);
}

}  // namespace vitrine
