// Shadows of sigmoid: layers/sigmoid.h, Numerics.
#include "layers/elementary_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  return {shadow_of("y", op.output, 1, [x = Values(op.inputs[0])](std::int64_t i) { return sigmoid_bound(x.exact(i)); })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  return {shadow_of("dx", gradients[0], 1, [y = Values(op.tensor("y")), g = Values(dy)](std::int64_t i) {
    return times(times(g.exact(i), y.exact(i)), minus(exactly(1), y.exact(i)));
  })};
}

}  // namespace

const OpShadows sigmoid_shadows = {"sigmoid", forward, backward};

}  // namespace vitrine
