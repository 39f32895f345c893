// Shadows of the mean squared error: layers/mean_squared_error.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  const std::int64_t n = op.tensor("x").size();
  return {shadow_of("y", op.output, n, [x = Values(op.tensor("x")), t = Values(op.tensor("t")), n](std::int64_t) {
    WideSum sum;
    for (std::int64_t i = 0; i < n; ++i) {
      const double difference = x[i] - t[i], square = difference * difference;
      sum.add(Bounded{square, 6 * kWideRoundoff * square});
    }
    return rounded(sum.result(static_cast<double>(n)));
  })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const auto gradient = [&](std::string of, const Tensor& computed, const Tensor& by, const Tensor& other) {
    const auto n = static_cast<double>(by.size());
    return shadow_of(std::move(of), computed, 1, [x = Values(by), t = Values(other), g = Values(dy), n](std::int64_t i) {
      return rounded(exactly(2 * g[0] / n * (x[i] - t[i])));
    });
  };
  std::vector<Shadow> all;
  if (gradients[0].defined()) all.push_back(gradient("dx", gradients[0], op.tensor("x"), op.tensor("t")));
  if (gradients[1].defined()) all.push_back(gradient("dt", gradients[1], op.tensor("t"), op.tensor("x")));
  return all;
}

}  // namespace

const OpShadows mean_squared_error_shadows = {"mean_squared_error", forward, backward};

}  // namespace vitrine
