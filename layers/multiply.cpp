#include "layers/multiply.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::MultiplyKernels multiply_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const MultiplyKernels multiply_table;
}
namespace avx2 {
extern const MultiplyKernels multiply_table;
}
namespace avx512 {
extern const MultiplyKernels multiply_table;
}

const MultiplyKernels& multiply_kernels(Device device) {
  return for_device(device, scalar::multiply_table, avx2::multiply_table, avx512::multiply_table,
                    vitrine::cuda::multiply_table);
}

}  // namespace kernels

namespace {

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor y = Tensor::uninitialized(a.shape(), a.device());
  kernels::multiply_kernels(y.device()).product(a.data(), b.data(), y.size(), y.mutable_data());
  return y;
}

struct MultiplyNode final : Node {
  Tensor a, b;

  MultiplyNode(Tensor left, Tensor right) : a(std::move(left)), b(std::move(right)) {}
  std::string_view name() const override { return "multiply"; }
  void visit(SavedVisitor& show) const override { show("a", a), show("b", b); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    return {wanted[0] ? product(dy, b) : Tensor(), wanted[1] ? product(dy, a) : Tensor()};
  }
};

}  // namespace

Variable multiply(const Variable& a, const Variable& b) {
  const Variable inputs[] = {a, b};
  expect_float32("multiply", inputs);
  if (!(a.shape() == b.shape()))
    throw ShapeError(text("multiply: a is ", a.shape().text(), " but b is ", b.shape().text(), "; they must be equal"));
  return record<MultiplyNode>(product(a.tensor(), b.tensor()), inputs, a.tensor(), b.tensor());
}

}  // namespace vitrine
