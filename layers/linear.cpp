#include "layers/linear.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::LinearKernels linear_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const LinearKernels linear_table;
}
namespace avx2 {
extern const LinearKernels linear_table;
}
namespace avx512 {
extern const LinearKernels linear_table;
}

const LinearKernels& linear_kernels(Device device) {
  return for_device(device, scalar::linear_table, avx2::linear_table, avx512::linear_table, vitrine::cuda::linear_table);
}

}  // namespace kernels

namespace {

struct LinearNode final : Node {
  Tensor x, w;
  bool biased;

  LinearNode(Tensor input, Tensor weight, bool with_bias) : x(std::move(input)), w(std::move(weight)), biased(with_bias) {}
  std::string_view name() const override { return "linear"; }
  void visit(SavedVisitor& show) const override { show("x", x), show("w", w), show("biased", biased); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const kernels::LinearKernels& kernels = kernels::linear_kernels(x.device());
    const std::int64_t N = x.shape()[0], C = w.shape()[0], K = w.shape()[1];
    std::vector<Tensor> gradients(3);
    if (wanted[0]) {
      Tensor scratch = Tensor::uninitialized(w.shape(), x.device());
      gradients[0] = Tensor::uninitialized(x.shape(), x.device());
      kernels.backward_data(dy.data(), w.data(), N, C, K, scratch.mutable_data(), gradients[0].mutable_data());
    }
    if (wanted[1]) {
      gradients[1] = Tensor::uninitialized(w.shape(), x.device());
      kernels.backward_weights(x.data(), dy.data(), N, C, K, gradients[1].mutable_data());
    }
    if (wanted[2]) {
      gradients[2] = Tensor::uninitialized({K}, x.device());
      kernels.backward_bias(dy.data(), N, K, gradients[2].mutable_data());
    }
    return gradients;
  }
};

}  // namespace

Variable linear(const Variable& x, const Variable& w, const Variable& b) {
  const Variable inputs[] = {x, w, b};
  expect_float32("linear", inputs);
  const Shape &sx = x.shape(), &sw = w.shape();
  if (sx.rank() != 2 || sw.rank() != 2)
    throw ShapeError(text("linear: expected x [N, C] and w [C, K] (x ", sx.text(), ", w ", sw.text(), ")"));
  if (sx[1] != sw[0] || sx[0] < 1)
    throw ShapeError(
        text("linear: x has ", sx[1], " columns but w expects ", sw[0], " (x ", sx.text(), ", w ", sw.text(), ")"));
  if (b.tensor().defined() && !(b.shape() == Shape{sw[1]}))
    throw ShapeError(text("linear: b is ", b.shape().text(), ", expected [", sw[1], "]"));
  Tensor y = Tensor::uninitialized({sx[0], sw[1]}, x.tensor().device());
  const float* bias = b.tensor().defined() ? b.tensor().data() : nullptr;
  kernels::linear_kernels(y.device())
      .forward(x.tensor().data(), w.tensor().data(), bias, sx[0], sw[0], sw[1], y.mutable_data());
  return record<LinearNode>(std::move(y), inputs, x.tensor(), w.tensor(), bias != nullptr);
}

}  // namespace vitrine
