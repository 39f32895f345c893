#include "layers/relu.h"

#include "tensor/isa.h"

namespace vitrine::cuda {
extern const cpu::ReluKernels relu_table;
}

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

const ReluKernels& relu_kernels(Device device) {
  return for_device(device, scalar::relu_table, avx2::relu_table, avx512::relu_table, vitrine::cuda::relu_table);
}

}  // namespace cpu

namespace {

struct ReluNode final : Node {
  Tensor x;

  explicit ReluNode(Tensor saved) : x(std::move(saved)) {}
  std::string_view name() const override { return "relu"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape(), x.device());
    cpu::relu_kernels(x.device()).backward(x.data(), dy.data(), x.size(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable relu(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape(), x.tensor().device());
  cpu::relu_kernels(y.device()).forward(x.tensor().data(), y.size(), y.mutable_data());
  const Variable inputs[] = {x};
  return record<ReluNode>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
