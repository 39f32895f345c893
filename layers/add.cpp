#include "layers/add.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::AddKernels add_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const AddKernels add_table;
}
namespace avx2 {
extern const AddKernels add_table;
}
namespace avx512 {
extern const AddKernels add_table;
}

const AddKernels& add_kernels(Device device) {
  return for_device(device, scalar::add_table, avx2::add_table, avx512::add_table, vitrine::cuda::add_table);
}

}  // namespace kernels

namespace {

struct AddNode final : Node {
  std::string_view name() const override { return "add"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {dy, dy}; }
};

}  // namespace

Variable add(const Variable& a, const Variable& b) {
  const Variable inputs[] = {a, b};
  expect_float32("add", inputs);
  if (!(a.shape() == b.shape()))
    throw ShapeError(text("add: a is ", a.shape().text(), " but b is ", b.shape().text(), "; they must be equal"));
  Tensor y = Tensor::uninitialized(a.shape(), a.tensor().device());
  kernels::add_kernels(y.device()).forward(a.tensor().data(), b.tensor().data(), y.size(), y.mutable_data());
  return record<AddNode>(std::move(y), inputs);
}

}  // namespace vitrine
