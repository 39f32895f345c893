#include "layers/fused_norm.h"

#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const cpu::FusedNormKernels fused_norm_table;
}

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

const FusedNormKernels& fused_norm_kernels(Device device) {
  return for_device(device, scalar::fused_norm_table, avx2::fused_norm_table, avx512::fused_norm_table,
                    vitrine::cuda::fused_norm_table);
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
    const cpu::FusedNormKernels& kernels = cpu::fused_norm_kernels(x.device());
    NormGradients g(shape.segments(), shape.C, shape.rows, x.device());
    kernels.gradient_sums(shape, norm.view(), beta.data(), x.data(), dy.data(), g.target());
    g.finish();
    std::vector<Tensor> gradients{Tensor(), g.gamma, g.beta};
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized(x.shape(), x.device());
      kernels.gradient(shape, norm.view(), beta.data(), g.means(), x.data(), dy.data(), gradients[0].mutable_data());
    }
    return gradients;
  }
};

}  // namespace

Variable fused_norm(BatchNorm& norm, const Variable& x, const std::optional<Activation>& activation, const Pass& pass) {
  const Shape& s = x.shape();
  const std::int64_t C = norm.gamma.value.size();
  if (s.rank() < 2 || s.back() != C) throw ShapeError(text("fused_norm: x is ", s.text(), ", expected [..., ", C, "]"));
  cpu::FusedNormShape shape{x.tensor().size() / C, C, activation};
  if (shape.rows < 2) {
    throw ShapeError(text("batch_norm: in training a channel has one value (x ", s.text(), "); use a larger batch or image"));
  }
  const Device device = x.tensor().device();
  if (cpu::sums_whole_batches(device)) shape.rows_of_segment = shape.rows;
  const cpu::FusedNormKernels& kernels = cpu::fused_norm_kernels(device);
  NormOfBatch statistics(norm, shape.segments(), shape.rows, device);
  kernels.sums(shape, x.tensor().data(), statistics.target());
  NormTensor constants = statistics.result();
  Tensor y = Tensor::uninitialized(s, device);
  kernels.forward(shape, constants.view(), norm.beta.value.data(), x.tensor().data(), y.mutable_data());
  const Variable inputs[] = {x, pass.parameter(norm.gamma), pass.parameter(norm.beta)};
  return record<FusedNormNode>(std::move(y), inputs, shape, x.tensor(), norm.beta.value, std::move(constants));
}

}  // namespace vitrine
