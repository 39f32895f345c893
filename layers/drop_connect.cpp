#include "layers/drop_connect.h"

#include <algorithm>
#include "autograd/expect_float32.h"

#include "base/error.h"
#include "layers/drop_connect_reference.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::DropConnectKernels drop_connect_table;
}

namespace vitrine {
namespace kernels {

void drop_connect_factors(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, float* factor) {
  std::ranges::copy(reference::drop_connect_factors(N, rate, keys.get(), op), factor);
}

namespace scalar {
extern const DropConnectKernels drop_connect_table;
}
namespace avx2 {
extern const DropConnectKernels drop_connect_table;
}
namespace avx512 {
extern const DropConnectKernels drop_connect_table;
}

const DropConnectKernels& drop_connect_kernels(Device device) {
  return for_device(device, scalar::drop_connect_table, avx2::drop_connect_table, avx512::drop_connect_table,
                    vitrine::cuda::drop_connect_table);
}

}  // namespace kernels

namespace {

Tensor applied(const Tensor& x, const Tensor& factors) {
  Tensor y = Tensor::uninitialized(x.shape(), x.device());
  const std::int64_t N = x.shape()[0];
  kernels::drop_connect_kernels(x.device()).apply(x.data(), factors.data(), N, x.size() / N, y.mutable_data());
  return y;
}

struct DropConnectNode final : Node {
  Tensor factors;

  explicit DropConnectNode(Tensor f) : factors(std::move(f)) {}
  std::string_view name() const override { return "drop_connect"; }
  void visit(SavedVisitor& show) const override { show("factors", factors); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {applied(dy, factors)}; }
};

}  // namespace

Tensor drop_factors(double rate, const DropKeys& key, std::uint32_t op, std::int64_t N, Device device) {
  if (!(rate >= 0 && rate < 1)) throw UsageError(text("drop_connect: the rate is ", rate, ", expected 0 <= rate < 1"));
  Tensor factors = Tensor::uninitialized({N}, device);
  kernels::drop_connect_kernels(device).factors(rate, key, op, N, factors.mutable_data());
  return factors;
}

Variable drop_connect(const Variable& x, double rate, const DropKeys& key, std::uint32_t op) {
  const Variable inputs[] = {x};
  expect_float32("drop_connect", inputs);
  if (x.shape().rank() < 1 || x.tensor().size() < 1)
    throw ShapeError(text("drop_connect: x is ", x.shape().text(), ", expected [N, ...] with elements"));
  if (rate == 0) return x;
  const Tensor factors = drop_factors(rate, key, op, x.shape()[0], x.tensor().device());
  return record<DropConnectNode>(applied(x.tensor(), factors), inputs, factors);
}

}  // namespace vitrine
