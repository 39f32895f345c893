#include "layers/log_softmax.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::LogSoftmaxKernels log_softmax_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const LogSoftmaxKernels log_softmax_table;
}
namespace avx2 {
extern const LogSoftmaxKernels log_softmax_table;
}
namespace avx512 {
extern const LogSoftmaxKernels log_softmax_table;
}

const LogSoftmaxKernels& log_softmax_kernels(Device device) {
  return for_device(device, scalar::log_softmax_table, avx2::log_softmax_table, avx512::log_softmax_table,
                    vitrine::cuda::log_softmax_table);
}

}  // namespace kernels

namespace {

struct LogSoftmaxNode final : Node {
  Tensor y;

  explicit LogSoftmaxNode(Tensor saved) : y(std::move(saved)) {}
  std::string_view name() const override { return "log_softmax"; }
  void visit(SavedVisitor& show) const override { show("y", y); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    const std::int64_t C = y.shape().back();
    Tensor dx = Tensor::uninitialized(y.shape(), y.device());
    kernels::log_softmax_kernels(y.device()).backward(y.data(), dy.data(), y.size() / C, C, dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable log_softmax(const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32("log_softmax", inputs);
  const Shape& s = x.shape();
  if (s.rank() < 1 || s.back() < 1)
    throw ShapeError(text("log_softmax: x is ", s.text(), ", expected [..., C] with C at least 1"));
  Tensor y = Tensor::uninitialized(s, x.tensor().device());
  kernels::log_softmax_kernels(y.device()).forward(x.tensor().data(), s.elements() / s.back(), s.back(), y.mutable_data());
  Tensor saved = y;
  return record<LogSoftmaxNode>(std::move(y), inputs, std::move(saved));
}

}  // namespace vitrine
