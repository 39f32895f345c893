#include "layers/unary.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/unary_list.h"
#include "tensor/cuda/one_float.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::UnaryKernels unary_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const UnaryKernels unary_table;
}
namespace avx2 {
extern const UnaryKernels unary_table;
}
namespace avx512 {
extern const UnaryKernels unary_table;
}

const UnaryKernels& unary_kernels(Device device) {
  return for_device(device, scalar::unary_table, avx2::unary_table, avx512::unary_table, vitrine::cuda::unary_table);
}

}  // namespace kernels

namespace {

struct UnaryNode final : Node {
  Unary f;
  Tensor x;

  UnaryNode(Unary function, Tensor input) : f(function), x(std::move(input)) {}
  std::string_view name() const override { return unary_name(f); }
  void visit(SavedVisitor& show) const override { show("x", x); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape(), x.device());
    kernels::unary_kernels(x.device()).backward(f, x.data(), dy.data(), x.size(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

std::string_view unary_name(Unary f) {
  std::string_view name;
  with_unary<cuda::OneFloat>(f, [&](auto function) { name = function.kName; });
  if (name.empty()) throw InternalError(text("unary: ", static_cast<int>(f), " is no function of layers/unary.h"));
  return name;
}

Variable unary(Unary f, const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32(unary_name(f), inputs);  // the name refuses what is none
  Tensor y = Tensor::uninitialized(x.shape(), x.tensor().device());
  kernels::unary_kernels(y.device()).forward(f, x.tensor().data(), y.size(), y.mutable_data());
  return record<UnaryNode>(std::move(y), inputs, f, x.tensor());
}

}  // namespace vitrine
