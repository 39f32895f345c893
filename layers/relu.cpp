#include "layers/relu.h"

#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const ReluKernels relu_table;
}
namespace avx2 {
extern const ReluKernels relu_table;
}
namespace avx512 {
extern const ReluKernels relu_table;
}

const ReluKernels& relu_kernels() { return for_this_machine(scalar::relu_table, avx2::relu_table, avx512::relu_table); }

}  // namespace cpu

namespace {

struct ReluNode final : Node {
  Tensor x;

  explicit ReluNode(Tensor saved) : x(std::move(saved)) {}
  std::string_view name() const override { return "relu"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape());
    cpu::relu_kernels().backward(x.host().data(), dy.host().data(), x.size(), dx.mutable_host().data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable relu(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape());
  cpu::relu_kernels().forward(x.tensor().host().data(), y.size(), y.mutable_host().data());
  const Variable inputs[] = {x};
  return record<ReluNode>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
