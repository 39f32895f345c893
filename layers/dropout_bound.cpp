// Shadows of dropout: layers/dropout.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

Shadow scaled_by_factors(std::string of, const Tensor& computed, const Tensor& from, const Tensor& factors) {
  const std::int64_t size = from.size() / factors.size();  // elements to a factor
  return shadow_of(std::move(of), computed, 1, [x = Values(from), m = Values(factors), size](std::int64_t i) {
    return times(x.exact(i), m.exact(i / size));
  });
}

std::vector<Shadow> forward(const SeenOp& op) {
  return {scaled_by_factors("y", op.output, op.inputs[0], op.tensor("factors"))};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  return {scaled_by_factors("dx", gradients[0], dy, op.tensor("factors"))};
}

}  // namespace

const OpShadows dropout_shadows = {"dropout", forward, backward};

}  // namespace vitrine
