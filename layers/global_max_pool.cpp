#include "layers/global_max_pool.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::GlobalMaxPoolKernels global_max_pool_table;
extern const kernels::GlobalMaxPoolKernelsOf<BFloat16> global_max_pool_bfloat16_table;
}  // namespace vitrine::cuda

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
const GlobalMaxPoolKernelsOf<BFloat16>& global_max_pool_kernels_in_bfloat16(Device device) {
  return vitrine::cuda::on(device, vitrine::cuda::global_max_pool_bfloat16_table);
}

}  // namespace kernels

namespace {

struct GlobalMaxPoolNode final : Node {
  Tensor x;

  explicit GlobalMaxPoolNode(Tensor input) : x(std::move(input)) {}
  std::string_view name() const override { return "global_max_pool"; }
  void visit(SavedVisitor& show) const override { show("x", x); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    if (x.dtype() == DType::bf16) return {backward_by(kernels::global_max_pool_kernels_in_bfloat16(x.device()), dy)};
    return {backward_by(kernels::global_max_pool_kernels(x.device()), dy)};
  }
  template <class Stored>
  Tensor backward_by(const kernels::GlobalMaxPoolKernelsOf<Stored>& kernels, const Tensor& dy) const {
    const Shape& s = x.shape();
    Tensor dx = Tensor::uninitialized<Stored>(s, x.device());
    kernels.backward(x.data<Stored>(), dy.data(), s[0], s[1] * s[2], s[3], dx.template mutable_data<Stored>());
    return dx;
  }
};

}  // namespace

Variable global_max_pool(const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32_or_bfloat16("global_max_pool", inputs);
  const Shape& s = x.shape();
  if (s.rank() != 4 || s[1] * s[2] < 1)
    throw ShapeError(text("global_max_pool: x is ", s.text(), ", expected [N, H, W, C] with a pixel"));
  Tensor y = Tensor::uninitialized({s[0], s[3]}, x.tensor().device());
  const auto by = [&]<class Stored>(const kernels::GlobalMaxPoolKernelsOf<Stored>& kernels) {
    kernels.forward(x.tensor().data<Stored>(), s[0], s[1] * s[2], s[3], y.mutable_data());
  };
  x.tensor().dtype() == DType::bf16 ? by(kernels::global_max_pool_kernels_in_bfloat16(y.device()))
                                    : by(kernels::global_max_pool_kernels(y.device()));
  return record<GlobalMaxPoolNode>(std::move(y), inputs, x.tensor());
}

}  // namespace vitrine
