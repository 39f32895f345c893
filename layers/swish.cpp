#include "layers/swish.h"

#include "tensor/isa.h"

namespace vitrine::cuda {
extern const cpu::SwishKernels swish_table;
}

namespace vitrine {
namespace cpu {

namespace scalar {
extern const SwishKernels swish_table;
}
namespace avx2 {
extern const SwishKernels swish_table;
}
namespace avx512 {
extern const SwishKernels swish_table;
}

const SwishKernels& swish_kernels(Device device) {
  return for_device(device, scalar::swish_table, avx2::swish_table, avx512::swish_table, vitrine::cuda::swish_table);
}

}  // namespace cpu

namespace {

struct SwishNode final : Node {
  Tensor x;

  explicit SwishNode(Tensor input) : x(std::move(input)) {}
  std::string_view name() const override { return "swish"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape(), x.device());
    cpu::swish_kernels(x.device()).backward(x.data(), dy.data(), x.size(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable swish(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape(), x.tensor().device());
  cpu::swish_kernels(y.device()).forward(x.tensor().data(), y.size(), y.mutable_data());
  const Variable inputs[] = {x};
  return record<SwishNode>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
