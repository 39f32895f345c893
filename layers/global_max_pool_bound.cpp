// Shadows of global max pooling: layers/global_max_pool.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

// The first pixel that holds a channel's maximum, or a NaN.
struct Maximum {
  Values x;
  std::int64_t pixels, C;

  std::int64_t at(std::int64_t n, std::int64_t c) const {
    std::int64_t best = n * pixels * C + c;
    for (std::int64_t p = 1; p < pixels; ++p) {
      const std::int64_t here = (n * pixels + p) * C + c;
      if (x[here] > x[best] || (std::isnan(x[here]) && !std::isnan(x[best]))) best = here;
    }
    return best;
  }
};

Maximum maximum_of(const Tensor& x) { return {Values(x), x.shape()[1] * x.shape()[2], x.shape()[3]}; }

std::vector<Shadow> forward(const SeenOp& op) {
  const Maximum maximum = maximum_of(op.tensor("x"));
  return {shadow_of("y", op.output, maximum.pixels,
                    [maximum](std::int64_t i) { return maximum.x.exact(maximum.at(i / maximum.C, i % maximum.C)); })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const Maximum maximum = maximum_of(op.tensor("x"));
  return {shadow_of("dx", gradients[0], maximum.pixels, [maximum, g = Values(dy)](std::int64_t i) {
    const std::int64_t n = i / maximum.C / maximum.pixels, c = i % maximum.C;
    return maximum.at(n, c) == i ? g.exact(n * maximum.C + c) : exactly(0);
  })};
}

}  // namespace

const OpShadows global_max_pool_shadows = {"global_max_pool", forward, backward};

}  // namespace vitrine
