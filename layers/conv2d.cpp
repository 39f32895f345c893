#include "layers/conv2d.h"

#include <type_traits>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::Conv2dKernels conv2d_table;
extern const kernels::Conv2dKernelsOf<BFloat16> conv2d_bfloat16_table;
}  // namespace vitrine::cuda

namespace vitrine {
namespace kernels {

namespace scalar {
extern const Conv2dKernels conv2d_table;
}
namespace avx2 {
extern const Conv2dKernels conv2d_table;
}
namespace avx512 {
extern const Conv2dKernels conv2d_table;
}

const Conv2dKernels& conv2d_kernels(Device device) {
  return for_device(device, scalar::conv2d_table, avx2::conv2d_table, avx512::conv2d_table, vitrine::cuda::conv2d_table);
}
const Conv2dKernelsOf<BFloat16>& conv2d_kernels_in_bfloat16(Device device) {
  return vitrine::cuda::on(device, vitrine::cuda::conv2d_bfloat16_table);
}

}  // namespace kernels

namespace {

template <class Stored>
const kernels::Conv2dKernelsOf<Stored>& kernels_of(Device device) {
  if constexpr (std::is_same_v<Stored, BFloat16>) {
    return kernels::conv2d_kernels_in_bfloat16(device);
  } else {
    return kernels::conv2d_kernels(device);
  }
}

struct Conv2dNode final : Node {
  ConvShape shape;
  Tensor x, w;  // in one type
  bool biased;

  Conv2dNode(const ConvShape& s, Tensor input, Tensor weight, bool with_bias)
      : shape(s), x(std::move(input)), w(std::move(weight)), biased(with_bias) {}
  std::string_view name() const override { return "conv2d"; }
  void visit(SavedVisitor& show) const override {
    show("x", x), show("w", w), show("biased", biased), show_window(show, shape);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    return x.dtype() == DType::bf16 ? backward_in<BFloat16>(dy, wanted) : backward_in<float>(dy, wanted);
  }
  template <class Stored>
  std::vector<Tensor> backward_in(const Tensor& dy, const Wanted& wanted) const {
    const kernels::Conv2dKernelsOf<Stored>& kernels = kernels_of<Stored>(x.device());
    std::vector<Tensor> gradients(3);
    if (wanted[0]) {
      Tensor scratch = Tensor::uninitialized(w.shape(), x.device());
      gradients[0] = Tensor::uninitialized<Stored>(x.shape(), x.device());
      kernels.backward_data(shape, dy.data<Stored>(), w.data<Stored>(), scratch.mutable_data(),
                            gradients[0].mutable_data<Stored>());
    }
    if (wanted[1]) {
      gradients[1] = Tensor::uninitialized(w.shape(), x.device());
      Tensor scratch;
      const std::int64_t chunks = kernels::weight_gradient_chunks(shape);
      if (chunks > 0) scratch = Tensor::uninitialized({chunks, w.size()}, x.device());
      kernels.backward_weights(shape, x.data<Stored>(), dy.data<Stored>(), chunks > 0 ? scratch.mutable_data() : nullptr,
                               gradients[1].mutable_data());
    }
    if (wanted[2]) {
      gradients[2] = Tensor::uninitialized({shape.K}, x.device());
      kernels.backward_bias(dy.data(), shape.N * shape.P * shape.Q, shape.K, gradients[2].mutable_data());
    }
    return gradients;
  }
};

ConvShape checked_shape(const Shape& x, const Shape& w, const Tensor& b, const ConvOptions& options) {
  const auto shapes = [&] { return text("(x ", x.text(), ", w ", w.text(), ")"); };
  if (x.rank() != 4 || w.rank() != 4) throw ShapeError(text("conv2d: expected x [N, H, W, C] and w [R, S, C, K] ", shapes()));
  if (x[3] != w[2]) throw ShapeError(text("conv2d: x has ", x[3], " channels but w expects ", w[2], " ", shapes()));
  if (b.defined() && !(b.shape() == Shape{w[3]}))
    throw ShapeError(text("conv2d: b is ", b.shape().text(), ", expected [", w[3], "] ", shapes()));
  const Padding& pad = options.padding;
  if (options.stride < 1 || !is_padding(pad))
    throw ShapeError(text("conv2d: stride ", options.stride, ", paddings ", pad.top, ", ", pad.left, ", ", pad.bottom, ", ",
                          pad.right, "; the stride is at least 1, a padding 0 to ", kLargestPadding));
  const ConvShape s{x[0],
                    x[1],
                    x[2],
                    x[3],
                    w[0],
                    w[1],
                    w[3],
                    output_size(x[1], pad.top, pad.bottom, w[0], options.stride),
                    output_size(x[2], pad.left, pad.right, w[1], options.stride),
                    options.stride,
                    pad};
  if (s.N < 1 || s.P < 1 || s.Q < 1 || s.C < 1 || s.K < 1)
    throw ShapeError(text("conv2d: there is no output pixel ", shapes()));
  return s;
}

template <class Stored>
Tensor forward_in(const ConvShape& s, const Tensor& x, const Tensor& w, const float* bias) {
  Tensor y = Tensor::uninitialized<Stored>({s.N, s.P, s.Q, s.K}, x.device());
  kernels_of<Stored>(y.device()).forward(s, x.data<Stored>(), w.data<Stored>(), bias, y.mutable_data<Stored>());
  return y;
}

}  // namespace

Variable conv2d(const Variable& x, const Variable& w, const Variable& b, const ConvOptions& options) {
  const Variable inputs[] = {x, w, b};
  expect_float32_or_bfloat16("conv2d", inputs);
  const ConvShape s = checked_shape(x.shape(), w.shape(), b.tensor(), options);
  if (x.tensor().dtype() == DType::bf16) {
    if (b.tensor().defined())
      throw DTypeError(
          text("conv2d: x holds ", dtype_name(DType::bf16), ", which has no kernels with a bias; leave b undefined"));
    const Tensor rounded = w.tensor().in_bfloat16();
    return record<Conv2dNode>(forward_in<BFloat16>(s, x.tensor(), rounded, nullptr), inputs, s, x.tensor(), rounded, false);
  }
  const float* bias = b.tensor().defined() ? b.tensor().data() : nullptr;
  return record<Conv2dNode>(forward_in<float>(s, x.tensor(), w.tensor(), bias), inputs, s, x.tensor(), w.tensor(),
                            bias != nullptr);
}

}  // namespace vitrine
