#include "layers/sigmoid.h"

#include "autograd/expect_float32.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::SigmoidKernels sigmoid_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const SigmoidKernels sigmoid_table;
}
namespace avx2 {
extern const SigmoidKernels sigmoid_table;
}
namespace avx512 {
extern const SigmoidKernels sigmoid_table;
}

const SigmoidKernels& sigmoid_kernels(Device device) {
  return for_device(device, scalar::sigmoid_table, avx2::sigmoid_table, avx512::sigmoid_table, vitrine::cuda::sigmoid_table);
}

}  // namespace kernels

namespace {

struct SigmoidNode final : Node {
  Tensor y;

  explicit SigmoidNode(Tensor saved) : y(std::move(saved)) {}
  std::string_view name() const override { return "sigmoid"; }
  void visit(SavedVisitor& show) const override { show("y", y); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(y.shape(), y.device());
    kernels::sigmoid_kernels(y.device()).backward(y.data(), dy.data(), y.size(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable sigmoid(const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32("sigmoid", inputs);
  Tensor y = Tensor::uninitialized(x.shape(), x.tensor().device());
  kernels::sigmoid_kernels(y.device()).forward(x.tensor().data(), y.size(), y.mutable_data());
  Tensor saved = y;
  return record<SigmoidNode>(std::move(y), inputs, std::move(saved));
}

}  // namespace vitrine
