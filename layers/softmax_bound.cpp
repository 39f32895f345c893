// Shadows of softmax: layers/softmax.h, Numerics.
#include "layers/bounded.h"
#include "layers/row_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  const std::int64_t C = op.output.shape().back();
  return {shadow_of("y", op.output, C, [x = Values(op.inputs[0]), C](std::int64_t i) {
    const RowBound row = row_bound(x, i / C, C);
    return rounded(quotient_of(row.exponential(x, i), row.sum));
  })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const std::int64_t C = op.output.shape().back();
  return {shadow_of("dx", gradients[0], C, [y = Values(op.tensor("y")), g = Values(dy), C](std::int64_t i) {
    WideSum sum;
    for (std::int64_t k = i / C * C; k < (i / C + 1) * C; ++k) sum.add_product(g[k], y[k]);
    WideSum rest;
    rest.add(g[i]);
    rest.add(negative(sum.result()));
    return rounded(product_of(y.exact(i), rest.result()));
  })};
}

}  // namespace

const OpShadows softmax_shadows = {"softmax", forward, backward};

}  // namespace vitrine
