#include "layers/fused_norm.h"

#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const FusedNormKernels fused_norm_table;
}
namespace avx2 {
extern const FusedNormKernels fused_norm_table;
}
namespace avx512 {
extern const FusedNormKernels fused_norm_table;
}

const FusedNormKernels& fused_norm_kernels() {
  return for_this_machine(scalar::fused_norm_table, avx2::fused_norm_table, avx512::fused_norm_table);
}

}  // namespace cpu

namespace {

struct FusedNormNode final : Node {
  cpu::FusedNormShape shape;
  Tensor x, beta;
  NormTensor norm;

  FusedNormNode(const cpu::FusedNormShape& s, Tensor input, Tensor shift, NormTensor constants)
      : shape(s), x(std::move(input)), beta(std::move(shift)), norm(std::move(constants)) {}
  std::string_view name() const override { return "fused_norm"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const cpu::FusedNormKernels& kernels = cpu::fused_norm_kernels();
    PartialSums sums(shape.segments(), 2, shape.C);
    kernels.gradient_sums(shape, norm.view(), beta.host().data(), x.host().data(), dy.host().data(), sums.data());
    const NormGradients g(sums, shape.C, shape.rows);
    std::vector<Tensor> gradients{Tensor(), g.gamma, g.beta};
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized(x.shape());
      kernels.gradient(shape, norm.view(), beta.host().data(), g.view(), x.host().data(), dy.host().data(),
                       gradients[0].mutable_host().data());
    }
    return gradients;
  }
};

}  // namespace

Variable fused_norm(BatchNorm& norm, const Variable& x, const std::optional<Activation>& activation, const Pass& pass) {
  const Shape& s = x.shape();
  const std::int64_t C = norm.gamma.value.size();
  if (s.rank() < 2 || s.back() != C) throw ShapeError(text("fused_norm: x is ", s.text(), ", expected [..., ", C, "]"));
  const cpu::FusedNormShape shape{x.tensor().size() / C, C, activation};
  if (shape.rows < 2) {
    throw ShapeError(text("batch_norm: in training a channel has one value (x ", s.text(), "); use a larger batch or image"));
  }
  const cpu::FusedNormKernels& kernels = cpu::fused_norm_kernels();
  PartialSums sums(shape.segments(), 2, C);
  kernels.sums(shape, x.tensor().host().data(), sums.data());
  NormTensor constants = norm_of_batch(norm, sums, shape.rows);
  Tensor y = Tensor::uninitialized(s);
  kernels.forward(shape, constants.view(), norm.beta.value.host().data(), x.tensor().host().data(), y.mutable_host().data());
  const Variable inputs[] = {x, pass.parameter(norm.gamma), pass.parameter(norm.beta)};
  return record<FusedNormNode>(std::move(y), inputs, shape, x.tensor(), norm.beta.value, std::move(constants));
}

}  // namespace vitrine
