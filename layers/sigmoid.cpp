#include "layers/sigmoid.h"

#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const SigmoidKernels sigmoid_table;
}
namespace avx2 {
extern const SigmoidKernels sigmoid_table;
}
namespace avx512 {
extern const SigmoidKernels sigmoid_table;
}

const SigmoidKernels& sigmoid_kernels() {
  return for_this_machine(scalar::sigmoid_table, avx2::sigmoid_table, avx512::sigmoid_table);
}

}  // namespace cpu

namespace {

struct SigmoidNode final : Node {
  Tensor y;

  explicit SigmoidNode(Tensor saved) : y(std::move(saved)) {}
  std::string_view name() const override { return "sigmoid"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(y.shape());
    cpu::sigmoid_kernels().backward(y.host().data(), dy.host().data(), y.size(), dx.mutable_host().data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable sigmoid(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape());
  cpu::sigmoid_kernels().forward(x.tensor().host().data(), y.size(), y.mutable_host().data());
  const Variable inputs[] = {x};
  Tensor saved = y;
  return record<SigmoidNode>(std::move(y), inputs, std::move(saved));
}

}  // namespace vitrine
