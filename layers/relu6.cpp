#include "layers/relu6.h"

#include "tensor/isa.h"

namespace vitrine::cuda {
extern const cpu::Relu6Kernels relu6_table;
}

namespace vitrine {
namespace cpu {

namespace scalar {
extern const Relu6Kernels relu6_table;
}
namespace avx2 {
extern const Relu6Kernels relu6_table;
}
namespace avx512 {
extern const Relu6Kernels relu6_table;
}

const Relu6Kernels& relu6_kernels(Device device) {
  return for_device(device, scalar::relu6_table, avx2::relu6_table, avx512::relu6_table, vitrine::cuda::relu6_table);
}

}  // namespace cpu

namespace {

struct Relu6Node final : Node {
  Tensor x;

  explicit Relu6Node(Tensor saved) : x(std::move(saved)) {}
  std::string_view name() const override { return "relu6"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape(), x.device());
    cpu::relu6_kernels(x.device()).backward(x.data(), dy.data(), x.size(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable relu6(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape(), x.tensor().device());
  cpu::relu6_kernels(y.device()).forward(x.tensor().data(), y.size(), y.mutable_data());
  const Variable inputs[] = {x};
  return record<Relu6Node>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
