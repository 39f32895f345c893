#include "layers/mean_squared_error.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::MeanSquaredErrorKernels mean_squared_error_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const MeanSquaredErrorKernels mean_squared_error_table;
}
namespace avx2 {
extern const MeanSquaredErrorKernels mean_squared_error_table;
}
namespace avx512 {
extern const MeanSquaredErrorKernels mean_squared_error_table;
}

const MeanSquaredErrorKernels& mean_squared_error_kernels(Device device) {
  return for_device(device, scalar::mean_squared_error_table, avx2::mean_squared_error_table, avx512::mean_squared_error_table,
                    vitrine::cuda::mean_squared_error_table);
}

}  // namespace kernels

namespace {

struct MeanSquaredErrorNode final : Node {
  Tensor x, t;

  MeanSquaredErrorNode(Tensor input, Tensor target) : x(std::move(input)), t(std::move(target)) {}
  std::string_view name() const override { return "mean_squared_error"; }
  void visit(SavedVisitor& show) const override { show("x", x), show("t", t); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const auto gradient = [&](const Tensor& by, const Tensor& other) {
      Tensor d = Tensor::uninitialized(x.shape(), x.device());
      kernels::mean_squared_error_kernels(x.device()).backward(by.data(), other.data(), dy.data(), x.size(), d.mutable_data());
      return d;
    };
    return {wanted[0] ? gradient(x, t) : Tensor(), wanted[1] ? gradient(t, x) : Tensor()};
  }
};

}  // namespace

Variable mean_squared_error(const Variable& x, const Variable& target) {
  const Variable inputs[] = {x, target};
  expect_float32("mean_squared_error", inputs);
  const Tensor &a = x.tensor(), &b = target.tensor();
  if (!(a.shape() == b.shape()) || a.size() < 1)
    throw ShapeError(text("mean_squared_error: x is ", a.shape().text(), " but the target is ", b.shape().text(),
                          "; they must be equal and not empty"));
  const std::int64_t chunks = (a.size() + kernels::kErrorChunk - 1) / kernels::kErrorChunk;
  Tensor partial = Tensor::uninitialized<double>({chunks}, a.device());
  Tensor loss = Tensor::uninitialized(Shape{}, a.device());
  kernels::mean_squared_error_kernels(a.device())
      .forward(a.data(), b.data(), a.size(), partial.mutable_data<double>(), loss.mutable_data());
  return record<MeanSquaredErrorNode>(std::move(loss), inputs, a, b);
}

}  // namespace vitrine
