// Shadows of multiply: layers/multiply.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

Shadow product(std::string of, const Tensor& computed, const Tensor& left, const Tensor& right) {
  return shadow_of(std::move(of), computed, 1,
                   [a = Values(left), b = Values(right)](std::int64_t i) { return times(a.exact(i), b.exact(i)); });
}

std::vector<Shadow> forward(const SeenOp& op) { return {product("y", op.output, op.tensor("a"), op.tensor("b"))}; }

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  std::vector<Shadow> all;
  if (gradients[0].defined()) all.push_back(product("da", gradients[0], dy, op.tensor("b")));
  if (gradients[1].defined()) all.push_back(product("db", gradients[1], dy, op.tensor("a")));
  return all;
}

}  // namespace

const OpShadows multiply_shadows = {"multiply", forward, backward};

}  // namespace vitrine
