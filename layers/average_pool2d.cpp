#include "layers/average_pool2d.h"

#include "autograd/expect_float32.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::AveragePool2dKernels average_pool2d_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const AveragePool2dKernels average_pool2d_table;
}
namespace avx2 {
extern const AveragePool2dKernels average_pool2d_table;
}
namespace avx512 {
extern const AveragePool2dKernels average_pool2d_table;
}

const AveragePool2dKernels& average_pool2d_kernels(Device device) {
  return for_device(device, scalar::average_pool2d_table, avx2::average_pool2d_table, avx512::average_pool2d_table,
                    vitrine::cuda::average_pool2d_table);
}

}  // namespace kernels

namespace {

struct AveragePool2dNode final : Node {
  ConvShape shape;
  bool count_include_pad;
  Device device;

  AveragePool2dNode(const ConvShape& s, bool counted, Device of) : shape(s), count_include_pad(counted), device(of) {}
  std::string_view name() const override { return "average_pool2d"; }
  void visit(SavedVisitor& show) const override {
    show("R", shape.R), show("S", shape.S), show_window(show, shape), show("count_include_pad", count_include_pad);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized({shape.N, shape.H, shape.W, shape.C}, device);
    kernels::average_pool2d_kernels(device).backward(shape, count_include_pad, dy.data(), dx.mutable_data());
    return {std::move(dx)};
  }
};

}  // namespace

Variable average_pool2d(const Variable& x, const PoolOptions& options, bool count_include_pad) {
  const Variable inputs[] = {x};
  expect_float32("average_pool2d", inputs);
  const ConvShape s = pool_shape("average_pool2d", x.shape(), options);
  Tensor y = Tensor::uninitialized({s.N, s.P, s.Q, s.C}, x.tensor().device());
  kernels::average_pool2d_kernels(y.device()).forward(s, count_include_pad, x.tensor().data(), y.mutable_data());
  const Device device = y.device();
  return record<AveragePool2dNode>(std::move(y), inputs, s, count_include_pad, device);
}

}  // namespace vitrine
