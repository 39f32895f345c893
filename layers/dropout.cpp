#include "layers/dropout.h"

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/dropout_reference.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cuda {
extern const kernels::DropoutKernels dropout_table;
}

namespace vitrine {
namespace kernels {

void dropout_factors(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, std::int64_t size, float* factor) {
  const DropKey key = keys.get();
  parallel_for(N, 1 + 2048 / (size + 1), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      float* const row = factor + n * size;
      const Draw draw = reference::dropout_draw(key, n, op);
      dropout_kernels().row(draw, rate, size, row);
    }
  });
}

namespace scalar {
extern const DropoutKernels dropout_table;
}
namespace avx2 {
extern const DropoutKernels dropout_table;
}
namespace avx512 {
extern const DropoutKernels dropout_table;
}

const DropoutKernels& dropout_kernels(Device device) {
  return for_device(device, scalar::dropout_table, avx2::dropout_table, avx512::dropout_table, vitrine::cuda::dropout_table);
}

}  // namespace kernels

namespace {

Tensor applied(const Tensor& x, const Tensor& factors) {
  Tensor y = Tensor::uninitialized(x.shape(), x.device());
  const std::int64_t N = x.shape()[0];
  kernels::dropout_kernels(x.device()).apply(x.data(), factors.data(), N, x.size() / N, y.mutable_data());
  return y;
}

struct DropoutNode final : Node {
  Tensor factors;

  explicit DropoutNode(Tensor f) : factors(std::move(f)) {}
  std::string_view name() const override { return "dropout"; }
  void visit(SavedVisitor& show) const override { show("factors", factors); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {applied(dy, factors)}; }
};

}  // namespace

Variable dropout(const Variable& x, double rate, const DropKeys& key, std::uint32_t op) {
  const Variable inputs[] = {x};
  expect_float32("dropout", inputs);
  if (!(rate >= 0 && rate < 1)) throw UsageError(text("dropout: the rate is ", rate, ", expected 0 <= rate < 1"));
  if (x.shape().rank() < 1 || x.tensor().size() < 1)
    throw ShapeError(text("dropout: x is ", x.shape().text(), ", expected [N, ...] with elements"));
  if (rate == 0) return x;
  const std::int64_t N = x.shape()[0];
  Tensor factors = Tensor::uninitialized(x.shape(), x.tensor().device());
  kernels::dropout_kernels(factors.device()).factors(rate, key, op, N, x.tensor().size() / N, factors.mutable_data());
  return record<DropoutNode>(applied(x.tensor(), factors), inputs, factors);
}

}  // namespace vitrine
