#include "layers/global_max_pool.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::GlobalMaxPoolKernels global_max_pool_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const GlobalMaxPoolKernels global_max_pool_table;
}
namespace avx2 {
extern const GlobalMaxPoolKernels global_max_pool_table;
}
namespace avx512 {
extern const GlobalMaxPoolKernels global_max_pool_table;
}

const GlobalMaxPoolKernels& global_max_pool_kernels(Device device) {
  return for_device(device, scalar::global_max_pool_table, avx2::global_max_pool_table, avx512::global_max_pool_table,
                    vitrine::cuda::global_max_pool_table);
}

}  // namespace kernels

namespace {

struct GlobalMaxPoolNode final : Node {
  Tensor x;

  explicit GlobalMaxPoolNode(Tensor input) : x(std::move(input)) {}
  std::string_view name() const override { return "global_max_pool"; }
  void visit(SavedVisitor& show) const override { show("x", x); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    const Shape& s = x.shape();
    Tensor dx = Tensor::uninitialized(s, x.device());
    kernels::global_max_pool_kernels(x.device()).backward(x.data(), dy.data(), s[0], s[1] * s[2], s[3], dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable global_max_pool(const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32("global_max_pool", inputs);
  const Shape& s = x.shape();
  if (s.rank() != 4 || s[1] * s[2] < 1)
    throw ShapeError(text("global_max_pool: x is ", s.text(), ", expected [N, H, W, C] with a pixel"));
  Tensor y = Tensor::uninitialized({s[0], s[3]}, x.tensor().device());
  kernels::global_max_pool_kernels(y.device()).forward(x.tensor().data(), s[0], s[1] * s[2], s[3], y.mutable_data());
  return record<GlobalMaxPoolNode>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
