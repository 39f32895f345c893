#include "layers/dropout.h"

#include "base/error.h"
#include "layers/dropout_reference.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const DropoutKernels dropout_table;
}
namespace avx2 {
extern const DropoutKernels dropout_table;
}
namespace avx512 {
extern const DropoutKernels dropout_table;
}

const DropoutKernels& dropout_kernels() {
  return for_this_machine(scalar::dropout_table, avx2::dropout_table, avx512::dropout_table);
}

}  // namespace cpu

namespace {

Tensor applied(const Tensor& x, const Tensor& factors) {
  Tensor y = Tensor::uninitialized(x.shape());
  const std::int64_t N = x.shape()[0];
  cpu::dropout_kernels().apply(x.host().data(), factors.host().data(), N, x.size() / N, y.mutable_host().data());
  return y;
}

struct DropoutNode final : Node {
  Tensor factors;

  explicit DropoutNode(Tensor f) : factors(std::move(f)) {}
  std::string_view name() const override { return "dropout"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {applied(dy, factors)}; }
};

}  // namespace

Variable dropout(const Variable& x, double rate, const DropKey& key, std::uint32_t op) {
  if (!(rate >= 0 && rate < 1)) throw UsageError(text("dropout: the rate is ", rate, ", expected 0 <= rate < 1"));
  if (x.shape().rank() < 1 || x.tensor().size() < 1)
    throw ShapeError(text("dropout: x is ", x.shape().text(), ", expected [N, ...] with elements"));
  if (rate == 0) return x;
  const std::int64_t N = x.shape()[0];
  const Tensor factors = Tensor::from(x.shape(), reference::dropout_factors(N, x.tensor().size() / N, rate, key, op));
  const Variable inputs[] = {x};
  return record<DropoutNode>(applied(x.tensor(), factors), inputs, factors);
}

}  // namespace vitrine
