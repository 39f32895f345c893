#include "layers/scale_channels.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::ScaleChannelsKernels scale_channels_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const ScaleChannelsKernels scale_channels_table;
}
namespace avx2 {
extern const ScaleChannelsKernels scale_channels_table;
}
namespace avx512 {
extern const ScaleChannelsKernels scale_channels_table;
}

const ScaleChannelsKernels& scale_channels_kernels(Device device) {
  return for_device(device, scalar::scale_channels_table, avx2::scale_channels_table, avx512::scale_channels_table,
                    vitrine::cuda::scale_channels_table);
}

}  // namespace kernels

namespace {

struct ScaleChannelsNode final : Node {
  Tensor x, s;

  ScaleChannelsNode(Tensor input, Tensor scale) : x(std::move(input)), s(std::move(scale)) {}
  std::string_view name() const override { return "scale_channels"; }
  void visit(SavedVisitor& show) const override { show("x", x), show("s", s); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const kernels::ScaleChannelsKernels& kernels = kernels::scale_channels_kernels(x.device());
    const std::int64_t N = x.shape()[0], pixels = x.shape()[1] * x.shape()[2], C = x.shape()[3];
    std::vector<Tensor> gradients(2);
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized(x.shape(), x.device());
      kernels.forward(dy.data(), s.data(), N, pixels, C, gradients[0].mutable_data());
    }
    if (wanted[1]) {
      gradients[1] = Tensor::uninitialized(s.shape(), x.device());
      kernels.backward_scale(x.data(), dy.data(), N, pixels, C, gradients[1].mutable_data());
    }
    return gradients;
  }
};

}  // namespace

Variable scale_channels(const Variable& x, const Variable& s) {
  const Variable inputs[] = {x, s};
  expect_float32("scale_channels", inputs);
  const Shape& sx = x.shape();
  if (sx.rank() != 4 || !(s.shape() == Shape{sx[0], sx[3]})) {
    throw ShapeError(
        text("scale_channels: x is ", sx.text(), " and s ", s.shape().text(), ", expected [N, H, W, C] and [N, C]"));
  }
  Tensor y = Tensor::uninitialized(sx, x.tensor().device());
  kernels::scale_channels_kernels(y.device())
      .forward(x.tensor().data(), s.tensor().data(), sx[0], sx[1] * sx[2], sx[3], y.mutable_data());
  return record<ScaleChannelsNode>(std::move(y), inputs, x.tensor(), s.tensor());
}

}  // namespace vitrine
