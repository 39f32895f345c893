#include "layers/scale_channels.h"

#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const ScaleChannelsKernels scale_channels_table;
}
namespace avx2 {
extern const ScaleChannelsKernels scale_channels_table;
}
namespace avx512 {
extern const ScaleChannelsKernels scale_channels_table;
}

const ScaleChannelsKernels& scale_channels_kernels() {
  return for_this_machine(scalar::scale_channels_table, avx2::scale_channels_table, avx512::scale_channels_table);
}

}  // namespace cpu

namespace {

struct ScaleChannelsNode final : Node {
  Tensor x, s;

  ScaleChannelsNode(Tensor input, Tensor scale) : x(std::move(input)), s(std::move(scale)) {}
  std::string_view name() const override { return "scale_channels"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const cpu::ScaleChannelsKernels& kernels = cpu::scale_channels_kernels();
    const std::int64_t N = x.shape()[0], pixels = x.shape()[1] * x.shape()[2], C = x.shape()[3];
    std::vector<Tensor> gradients(2);
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized(x.shape());
      kernels.forward(dy.host().data(), s.host().data(), N, pixels, C, gradients[0].mutable_host().data());
    }
    if (wanted[1]) {
      gradients[1] = Tensor::uninitialized(s.shape());
      kernels.backward_scale(x.host().data(), dy.host().data(), N, pixels, C, gradients[1].mutable_host().data());
    }
    return gradients;
  }
};

}  // namespace

Variable scale_channels(const Variable& x, const Variable& s) {
  const Shape& sx = x.shape();
  if (sx.rank() != 4 || !(s.shape() == Shape{sx[0], sx[3]})) {
    throw ShapeError(
        text("scale_channels: x is ", sx.text(), " and s ", s.shape().text(), ", expected [N, H, W, C] and [N, C]"));
  }
  Tensor y = Tensor::uninitialized(sx);
  cpu::scale_channels_kernels().forward(x.tensor().host().data(), s.tensor().host().data(), sx[0], sx[1] * sx[2], sx[3],
                                        y.mutable_host().data());
  const Variable inputs[] = {x, s};
  return record<ScaleChannelsNode>(std::move(y), inputs, x.tensor(), s.tensor());
}

}  // namespace vitrine
