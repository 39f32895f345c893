#include "layers/global_average_pool.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::GlobalAveragePoolKernels global_average_pool_table;
}

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

}  // namespace kernels

namespace {

struct GlobalAveragePoolNode final : Node {
  Shape shape;

  explicit GlobalAveragePoolNode(const Shape& s) : shape(s) {}
  std::string_view name() const override { return "global_average_pool"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(shape, dy.device());
    kernels::global_average_pool_kernels(dy.device())
        .backward(dy.data(), shape[0], shape[1] * shape[2], shape[3], dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable global_average_pool(const Variable& x) {
  const Variable inputs[] = {x};
  expect_float32("global_average_pool", inputs);
  const Shape& s = x.shape();
  if (s.rank() != 4 || s[1] * s[2] < 1)
    throw ShapeError(text("global_average_pool: x is ", s.text(), ", expected [N, H, W, C] with a pixel"));
  Tensor y = Tensor::uninitialized({s[0], s[3]}, x.tensor().device());
  kernels::global_average_pool_kernels(y.device()).forward(x.tensor().data(), s[0], s[1] * s[2], s[3], y.mutable_data());
  return record<GlobalAveragePoolNode>(std::move(y), inputs, s);
}

}  // namespace vitrine
