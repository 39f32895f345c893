// Shadows of dropout: layers/dropout.h, Numerics.
#include "layers/factors_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

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
