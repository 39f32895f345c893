#include "layers/blocks/conv_norm_fused.h"

#include <memory>
#include <type_traits>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/drop_connect.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::FusedNormKernels fused_norm_table;
extern const kernels::FusedNormKernelsOf<BFloat16> fused_norm_bfloat16_table;
}  // namespace vitrine::cuda

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
const FusedNormKernelsOf<BFloat16>& fused_norm_kernels_in_bfloat16(Device device) {
  return vitrine::cuda::on(device, vitrine::cuda::fused_norm_bfloat16_table);
}

}  // namespace kernels

namespace {

template <class Stored>
const kernels::FusedNormKernelsOf<Stored>& kernels_of(Device device) {
  if constexpr (std::is_same_v<Stored, BFloat16>) {
    return kernels::fused_norm_kernels_in_bfloat16(device);
  } else {
    return kernels::fused_norm_kernels(device);
  }
}

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
  template <class Stored>
  kernels::ResidualRowsOf<Stored> residual(const Stored* skip) const {
    if (!factors.defined()) return {.skip = skip};
    return {skip, factors.data(), shape.rows / factors.size()};
  }
  // In the type of x; skip undefined where there is none.
  Tensor forward(BatchNorm& of, const Tensor& skip) {
    return x.dtype() == DType::bf16 ? forward_in<BFloat16>(of, skip) : forward_in<float>(of, skip);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    return x.dtype() == DType::bf16 ? backward_in<BFloat16>(dy, wanted) : backward_in<float>(dy, wanted);
  }

 private:
  template <class Stored>
  Tensor forward_in(BatchNorm& of, const Tensor& skip) {
    const kernels::FusedNormKernelsOf<Stored>& kernels = kernels_of<Stored>(x.device());
    NormOfBatch statistics(of, shape.segments(), shape.rows, x.device());
    kernels.sums(shape, x.data<Stored>(), statistics.target());
    norm = statistics.result();
    Tensor y = Tensor::uninitialized<Stored>(x.shape(), x.device());
    const auto around = residual<Stored>(skip.defined() ? skip.data<Stored>() : nullptr);
    kernels.forward(shape, norm.view(), beta.data(), around, x.data<Stored>(), y.mutable_data<Stored>());
    return y;
  }
  template <class Stored>
  std::vector<Tensor> backward_in(const Tensor& dy, const Wanted& wanted) const {
    const kernels::FusedNormKernelsOf<Stored>& kernels = kernels_of<Stored>(x.device());
    const auto around = residual<Stored>(nullptr);
    NormGradients g(shape.segments(), shape.C, shape.rows, x.device());
    kernels.gradient_sums(shape, norm.view(), beta.data(), around, x.data<Stored>(), dy.data<Stored>(), g.target());
    g.finish();
    std::vector<Tensor> gradients{Tensor(), g.gamma, g.beta};
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized<Stored>(x.shape(), x.device());
      kernels.gradient(shape, norm.view(), beta.data(), around, g.means(), x.data<Stored>(), dy.data<Stored>(),
                       gradients[0].mutable_data<Stored>());
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
  std::vector<Variable> inputs{x, pass.parameter(norm.gamma), pass.parameter(norm.beta)};
  if (residual) inputs.push_back(residual->skip);
  constexpr std::size_t kSkip[] = {3};
  expect_float32_or_bfloat16("fused_norm", inputs, kSkip);
  if (residual) {
    if (!(residual->skip.shape() == x.shape()))
      throw ShapeError(text("fused_norm: skip is ", residual->skip.shape().text(), " but x is ", x.shape().text()));
    node->has_skip = true;
    if (residual->drop_rate != 0)
      node->factors = drop_factors(residual->drop_rate, pass.key, residual->op, x.shape()[0], node->x.device());
  }
  Tensor y = node->forward(norm, residual ? residual->skip.tensor() : Tensor());
  return pass.tape->record(std::move(y), std::move(node), inputs);
}

}  // namespace vitrine
