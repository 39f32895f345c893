#include "layers/depthwise_conv2d.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::DepthwiseConv2dKernels depthwise_conv2d_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const DepthwiseConv2dKernels depthwise_conv2d_table;
}
namespace avx2 {
extern const DepthwiseConv2dKernels depthwise_conv2d_table;
}
namespace avx512 {
extern const DepthwiseConv2dKernels depthwise_conv2d_table;
}

const DepthwiseConv2dKernels& depthwise_conv2d_kernels(Device device) {
  return for_device(device, scalar::depthwise_conv2d_table, avx2::depthwise_conv2d_table, avx512::depthwise_conv2d_table,
                    vitrine::cuda::depthwise_conv2d_table);
}

}  // namespace kernels

namespace {

constexpr std::int64_t kMaxTaps = 256;

struct DepthwiseConv2dNode final : Node {
  ConvShape shape;
  Tensor x, w;

  DepthwiseConv2dNode(const ConvShape& s, Tensor input, Tensor weight) : shape(s), x(std::move(input)), w(std::move(weight)) {}
  std::string_view name() const override { return "depthwise_conv2d"; }
  void visit(SavedVisitor& show) const override { show("x", x), show("w", w), show_window(show, shape); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const kernels::DepthwiseConv2dKernels& kernels = kernels::depthwise_conv2d_kernels(x.device());
    std::vector<Tensor> gradients(2);
    if (wanted[0]) {
      gradients[0] = Tensor::uninitialized(x.shape(), x.device());
      kernels.backward_data(shape, dy.data(), w.data(), gradients[0].mutable_data());
    }
    if (wanted[1]) {
      gradients[1] = Tensor::uninitialized(w.shape(), x.device());
      kernels.backward_weights(shape, x.data(), dy.data(), gradients[1].mutable_data());
    }
    return gradients;
  }
};

ConvShape checked_shape(const Shape& x, const Shape& w, const ConvOptions& options) {
  const auto shapes = [&] { return text("(x ", x.text(), ", w ", w.text(), ")"); };
  if (x.rank() != 4 || w.rank() != 3)
    throw ShapeError(text("depthwise_conv2d: expected x [N, H, W, C] and w [R, S, C] ", shapes()));
  if (x[3] != w[2]) throw ShapeError(text("depthwise_conv2d: x has ", x[3], " channels but w expects ", w[2], " ", shapes()));
  const Padding& pad = options.padding;
  if (options.stride < 1 || !is_padding(pad))
    throw ShapeError(text("depthwise_conv2d: stride ", options.stride, ", paddings ", pad.top, ", ", pad.left, ", ", pad.bottom,
                          ", ", pad.right, "; the stride is at least 1, a padding 0 to ", kLargestPadding));
  if (w[0] * w[1] > kMaxTaps) throw ShapeError(text("depthwise_conv2d: at most ", kMaxTaps, " taps ", shapes()));
  const ConvShape s{x[0],
                    x[1],
                    x[2],
                    x[3],
                    w[0],
                    w[1],
                    x[3],
                    output_size(x[1], pad.top, pad.bottom, w[0], options.stride),
                    output_size(x[2], pad.left, pad.right, w[1], options.stride),
                    options.stride,
                    pad};
  if (s.N < 1 || s.P < 1 || s.Q < 1 || s.C < 1) throw ShapeError(text("depthwise_conv2d: there is no output pixel ", shapes()));
  return s;
}

}  // namespace

Variable depthwise_conv2d(const Variable& x, const Variable& w, const ConvOptions& options) {
  const Variable inputs[] = {x, w};
  expect_float32("depthwise_conv2d", inputs);
  const ConvShape s = checked_shape(x.shape(), w.shape(), options);
  Tensor y = Tensor::uninitialized({s.N, s.P, s.Q, s.C}, x.tensor().device());
  kernels::depthwise_conv2d_kernels(y.device()).forward(s, x.tensor().data(), w.tensor().data(), y.mutable_data());
  return record<DepthwiseConv2dNode>(std::move(y), inputs, s, x.tensor(), w.tensor());
}

}  // namespace vitrine
