#include "autograd/reshape.h"

#include "base/error.h"

namespace vitrine {
namespace {

struct ReshapeNode final : Node {
  Shape from;

  explicit ReshapeNode(const Shape& shape) : from(shape) {}
  std::string_view name() const override { return "reshape"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {dy.reshaped(from)}; }
};

}  // namespace

Variable reshape(const Variable& x, const Shape& shape) {
  const Variable inputs[] = {x};
  return record<ReshapeNode>(x.tensor().reshaped(shape), inputs, x.shape());
}

Variable flatten(const Variable& x) {
  const Shape& s = x.shape();
  if (s.rank() < 1) throw ShapeError("flatten: x is a scalar, expected [N, ...]");
  return reshape(x, {s[0], s[0] > 0 ? s.elements() / s[0] : 0});
}

}  // namespace vitrine
