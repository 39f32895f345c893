// Shadows of the logarithm of softmax: layers/log_softmax.h, Numerics.
#include "layers/bounded.h"
#include "layers/row_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

// In float64, within 2 ulp.
Bounded wide_log(Bounded z) {
  const double value = std::log(z.value), least = z.value - z.bound;
  const double carried = least > 0 ? z.bound / least : std::numeric_limits<double>::infinity();
  return {value, carried + 6 * kWideRoundoff * std::abs(value)};
}

std::vector<Shadow> forward(const SeenOp& op) {
  const std::int64_t C = op.output.shape().back();
  return {shadow_of("y", op.output, C, [x = Values(op.inputs[0]), C](std::int64_t i) {
    const RowBound row = row_bound(x, i / C, C);
    WideSum y;
    y.add(x[i] - row.most);
    y.add(negative(wide_log(row.sum)));
    return rounded(y.result());
  })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const std::int64_t C = op.output.shape().back();
  return {shadow_of("dx", gradients[0], C, [y = Values(op.tensor("y")), g = Values(dy), C](std::int64_t i) {
    WideSum sum;
    for (std::int64_t k = i / C * C; k < (i / C + 1) * C; ++k) sum.add(g[k]);
    WideSum dx;
    dx.add(g[i]);
    dx.add(negative(product_of(exp_bound(y.exact(i)), sum.result())));
    return rounded(dx.result());
  })};
}

}  // namespace

const OpShadows log_softmax_shadows = {"log_softmax", forward, backward};

}  // namespace vitrine
