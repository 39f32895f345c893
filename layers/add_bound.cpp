// Shadows of add: layers/add.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  if (!op.inputs[0].defined() || !op.inputs[1].defined()) return {};
  return {shadow_of("y", op.output, 2, [a = Values(op.inputs[0]), b = Values(op.inputs[1])](std::int64_t i) {
    return plus(a.exact(i), b.exact(i));
  })};
}

std::vector<Shadow> backward(const SeenOp&, const Tensor& dy, std::span<const Tensor> gradients) {
  const Values g(dy);
  std::vector<Shadow> all;
  if (gradients[0].defined()) all.push_back(shadow_of("da", gradients[0], 1, [g](std::int64_t i) { return g.exact(i); }));
  if (gradients[1].defined()) all.push_back(shadow_of("db", gradients[1], 1, [g](std::int64_t i) { return g.exact(i); }));
  return all;
}

}  // namespace

const OpShadows add_shadows = {"add", forward, backward};

}  // namespace vitrine
