#include "layers/linear.h"

#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const LinearKernels linear_table;
}
namespace avx2 {
extern const LinearKernels linear_table;
}
namespace avx512 {
extern const LinearKernels linear_table;
}

const LinearKernels& linear_kernels() {
  return for_this_machine(scalar::linear_table, avx2::linear_table, avx512::linear_table);
}

}  // namespace cpu

namespace {

struct LinearNode final : Node {
  Tensor x, w;

  LinearNode(Tensor input, Tensor weight) : x(std::move(input)), w(std::move(weight)) {}
  std::string_view name() const override { return "linear"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const cpu::LinearKernels& kernels = cpu::linear_kernels();
    const std::int64_t N = x.shape()[0], C = w.shape()[0], K = w.shape()[1];
    std::vector<Tensor> gradients(3);
    if (wanted[0]) {
      Tensor scratch = Tensor::uninitialized(w.shape());
      gradients[0] = Tensor::uninitialized(x.shape());
      kernels.backward_data(dy.host().data(), w.host().data(), N, C, K, scratch.mutable_host().data(),
                            gradients[0].mutable_host().data());
    }
    if (wanted[1]) {
      gradients[1] = Tensor::uninitialized(w.shape());
      kernels.backward_weights(x.host().data(), dy.host().data(), N, C, K, gradients[1].mutable_host().data());
    }
    if (wanted[2]) {
      gradients[2] = Tensor::uninitialized({K});
      kernels.backward_bias(dy.host().data(), N, K, gradients[2].mutable_host().data());
    }
    return gradients;
  }
};

}  // namespace

Variable linear(const Variable& x, const Variable& w, const Variable& b) {
  const Shape &sx = x.shape(), &sw = w.shape();
  if (sx.rank() != 2 || sw.rank() != 2)
    throw ShapeError(text("linear: expected x [N, C] and w [C, K] (x ", sx.text(), ", w ", sw.text(), ")"));
  if (sx[1] != sw[0] || sx[0] < 1)
    throw ShapeError(
        text("linear: x has ", sx[1], " columns but w expects ", sw[0], " (x ", sx.text(), ", w ", sw.text(), ")"));
  if (b.tensor().defined() && !(b.shape() == Shape{sw[1]}))
    throw ShapeError(text("linear: b is ", b.shape().text(), ", expected [", sw[1], "]"));
  Tensor y = Tensor::uninitialized({sx[0], sw[1]});
  const float* bias = b.tensor().defined() ? b.tensor().host().data() : nullptr;
  cpu::linear_kernels().forward(x.tensor().host().data(), w.tensor().host().data(), bias, sx[0], sw[0], sw[1],
                                y.mutable_host().data());
  const Variable inputs[] = {x, w, b};
  return record<LinearNode>(std::move(y), inputs, x.tensor(), w.tensor());
}

}  // namespace vitrine
