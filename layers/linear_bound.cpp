// Shadows of linear: layers/linear.h, Numerics.
#include "layers/product_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

ProductShadows product_of(const SeenOp& op) {
  const Tensor &x = op.tensor("x"), &w = op.tensor("w");
  return {Values(x), Values(w), x.shape()[0], w.shape()[0], w.shape()[1]};
}

std::vector<Shadow> forward(const SeenOp& op) {
  const bool knows_bias = op.number("biased") == 0 || op.inputs[2].defined();
  if (!knows_bias) return {};
  const ProductShadows product = product_of(op);
  const Values bias(op.inputs[2]);
  return {product.output("y", op.output, bias), product.checksum("y checksum", op.output, bias)};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const ProductShadows product = product_of(op);
  const Values g(dy);
  std::vector<Shadow> all;
  if (gradients[0].defined()) all.push_back(product.input_gradient("dx", gradients[0], g));
  if (gradients[1].defined()) all.push_back(product.weight_gradient("dw", gradients[1], g));
  if (gradients[2].defined()) all.push_back(bias_gradient_shadow("db", gradients[2], g, product.rows));
  return all;
}

}  // namespace

const OpShadows linear_shadows = {"linear", forward, backward};

}  // namespace vitrine
