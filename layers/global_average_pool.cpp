#include "layers/global_average_pool.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::GlobalAveragePoolKernels global_average_pool_table;
extern const kernels::GlobalAveragePoolKernelsOf<BFloat16> global_average_pool_bfloat16_table;
}  // namespace vitrine::cuda

namespace vitrine {
namespace kernels {

namespace scalar {
extern const GlobalAveragePoolKernels global_average_pool_table;
}
namespace avx2 {
extern const GlobalAveragePoolKernels global_average_pool_table;
}
namespace avx512 {
extern const GlobalAveragePoolKernels global_average_pool_table;
}

const GlobalAveragePoolKernels& global_average_pool_kernels(Device device) {
  return for_device(device, scalar::global_average_pool_table, avx2::global_average_pool_table,
                    avx512::global_average_pool_table, vitrine::cuda::global_average_pool_table);
}
const GlobalAveragePoolKernelsOf<BFloat16>& global_average_pool_kernels_in_bfloat16(Device device) {
  return vitrine::cuda::on(device, vitrine::cuda::global_average_pool_bfloat16_table);
}

}  // namespace kernels

namespace {

struct GlobalAveragePoolNode final : Node {
  Shape shape;
  bool is_bfloat16;  // x

  GlobalAveragePoolNode(const Shape& s, bool in_bfloat16) : shape(s), is_bfloat16(in_bfloat16) {}
  std::string_view name() const override { return "global_average_pool"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    if (is_bfloat16) return {backward_by(kernels::global_average_pool_kernels_in_bfloat16(dy.device()), dy)};
    return {backward_by(kernels::global_average_pool_kernels(dy.device()), dy)};
  }
  template <class Stored>
  Tensor backward_by(const kernels::GlobalAveragePoolKernelsOf<Stored>& kernels, const Tensor& dy) const {
    Tensor dx = Tensor::uninitialized<Stored>(shape, dy.device());
    kernels.backward(dy.data(), shape[0], shape[1] * shape[2], shape[3], dx.template mutable_data<Stored>());
    return dx;
  }
};

}  // namespace

Variable global_average_pool(const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32_or_bfloat16("global_average_pool", inputs);
  const Shape& s = x.shape();
  if (s.rank() != 4 || s[1] * s[2] < 1)
    throw ShapeError(text("global_average_pool: x is ", s.text(), ", expected [N, H, W, C] with a pixel"));
  Tensor y = Tensor::uninitialized({s[0], s[3]}, x.tensor().device());
  const auto by = [&]<class Stored>(const kernels::GlobalAveragePoolKernelsOf<Stored>& kernels) {
    kernels.forward(x.tensor().data<Stored>(), s[0], s[1] * s[2], s[3], y.mutable_data());
  };
  const bool is_bfloat16 = x.tensor().dtype() == DType::bf16;
  is_bfloat16 ? by(kernels::global_average_pool_kernels_in_bfloat16(y.device()))
              : by(kernels::global_average_pool_kernels(y.device()));
  return record<GlobalAveragePoolNode>(std::move(y), inputs, s, is_bfloat16);
}

}  // namespace vitrine
