#include "layers/swish.h"

#include "tensor/isa.h"

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

const SwishKernels& swish_kernels() { return for_this_machine(scalar::swish_table, avx2::swish_table, avx512::swish_table); }

}  // namespace cpu

namespace {

struct SwishNode final : Node {
  Tensor x;

  explicit SwishNode(Tensor input) : x(std::move(input)) {}
  std::string_view name() const override { return "swish"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape());
    cpu::swish_kernels().backward(x.host().data(), dy.host().data(), x.size(), dx.mutable_host().data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable swish(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape());
  cpu::swish_kernels().forward(x.tensor().host().data(), y.size(), y.mutable_host().data());
  const Variable inputs[] = {x};
  return record<SwishNode>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
