#include "layers/drop_connect.h"

#include "base/error.h"
#include "layers/drop_connect_reference.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const DropConnectKernels drop_connect_table;
}
namespace avx2 {
extern const DropConnectKernels drop_connect_table;
}
namespace avx512 {
extern const DropConnectKernels drop_connect_table;
}

const DropConnectKernels& drop_connect_kernels() {
  return for_this_machine(scalar::drop_connect_table, avx2::drop_connect_table, avx512::drop_connect_table);
}

}  // namespace cpu

namespace {

Tensor applied(const Tensor& x, const Tensor& factors) {
  Tensor y = Tensor::uninitialized(x.shape());
  const std::int64_t N = x.shape()[0];
  cpu::drop_connect_kernels().apply(x.host().data(), factors.host().data(), N, x.size() / N, y.mutable_host().data());
  return y;
}

struct DropConnectNode final : Node {
  Tensor factors;

  explicit DropConnectNode(Tensor f) : factors(std::move(f)) {}
  std::string_view name() const override { return "drop_connect"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {applied(dy, factors)}; }
};

}  // namespace

Variable drop_connect(const Variable& x, double rate, const DropKey& key, std::uint32_t op) {
  if (!(rate >= 0 && rate < 1)) throw UsageError(text("drop_connect: the rate is ", rate, ", expected 0 <= rate < 1"));
  if (x.shape().rank() < 1 || x.tensor().size() < 1)
    throw ShapeError(text("drop_connect: x is ", x.shape().text(), ", expected [N, ...] with elements"));
  if (rate == 0) return x;
  const std::int64_t N = x.shape()[0];
  const Tensor factors = Tensor::from({N}, reference::drop_connect_factors(N, rate, key, op));
  const Variable inputs[] = {x};
  return record<DropConnectNode>(applied(x.tensor(), factors), inputs, factors);
}

}  // namespace vitrine
