#include "layers/max_pool2d.h"

#include "autograd/expect_float32.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::MaxPool2dKernels max_pool2d_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const MaxPool2dKernels max_pool2d_table;
}
namespace avx2 {
extern const MaxPool2dKernels max_pool2d_table;
}
namespace avx512 {
extern const MaxPool2dKernels max_pool2d_table;
}

const MaxPool2dKernels& max_pool2d_kernels(Device device) {
  return for_device(device, scalar::max_pool2d_table, avx2::max_pool2d_table, avx512::max_pool2d_table,
                    vitrine::cuda::max_pool2d_table);
}

}  // namespace kernels

namespace {

struct MaxPool2dNode final : Node {
  ConvShape shape;
  Tensor taps;

  MaxPool2dNode(const ConvShape& s, Tensor maxima) : shape(s), taps(std::move(maxima)) {}
  std::string_view name() const override { return "max_pool2d"; }
  void visit(SavedVisitor& show) const override {
    show("taps", taps), show("R", shape.R), show("S", shape.S), show_window(show, shape);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized({shape.N, shape.H, shape.W, shape.C}, taps.device());
    kernels::max_pool2d_kernels(dx.device()).backward(shape, taps.data(), dy.data(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable max_pool2d(const Variable& x, const PoolOptions& options) {
  const Variable inputs[] = {x};
  expect_float32("max_pool2d", inputs);
  const ConvShape s = pool_shape("max_pool2d", x.shape(), options);
  Tensor y = Tensor::uninitialized({s.N, s.P, s.Q, s.C}, x.tensor().device());
  Tensor taps = Tensor::uninitialized(y.shape(), y.device());
  kernels::max_pool2d_kernels(y.device()).forward(s, x.tensor().data(), y.mutable_data(), taps.mutable_data());
  return record<MaxPool2dNode>(std::move(y), inputs, s, std::move(taps));
}

}  // namespace vitrine
