// Shadows of batch normalisation: layers/batch_norm.h, Numerics.
#include "layers/norm_bound.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  const Values x(op.tensor("x"));
  const SeenNorm norm(op.tensor("constants"));
  const std::int64_t C = norm.C, rows = op.output.size() / C;
  std::vector<Shadow> all;
  if (op.number("train") != 0 && op.inputs[1].defined()) {
    const auto moments = channel_moments(rows, C, {}, [x, C](std::int64_t r, std::int64_t c) { return x[r * C + c]; });
    all.push_back(
        norm_constants_shadow("constants", op.tensor("constants"), Values(op.inputs[1]), op.number("eps"), rows, moments));
  }
  if (op.inputs[2].defined()) {
    all.push_back(shadow_of("y", op.output, 1, [x, norm, beta = Values(op.inputs[2])](std::int64_t i) {
      return norm.value(x.exact(i), i % norm.C, beta.exact(i % norm.C));
    }));
  }
  return all;
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const Values x(op.tensor("x")), g(dy);
  const SeenNorm norm(op.tensor("constants"));
  const std::int64_t C = norm.C, rows = dy.size() / C;
  const auto sums = channel_sums(
      rows, norm, [x, C](std::int64_t r, std::int64_t c) { return x[r * C + c]; },
      [g, C](std::int64_t r, std::int64_t c) { return g.exact(r * C + c); });
  std::vector<Shadow> all;
  if (gradients[0].defined()) {
    const bool train = op.number("train") != 0;
    all.push_back(shadow_of("dx", gradients[0], 1, [x, g, norm, C, rows, train, sums](std::int64_t i) {
      const std::int64_t c = i % C;
      if (!train) return times(norm.scale(c), g.exact(i));
      const ChannelSums& s = sums[c];
      return norm.gradient(x.exact(i), c, g.exact(i), mean_of(s.g, rows), mean_of(s.gh, rows));
    }));
  }
  add_norm_gradients(all, "", gradients[1], gradients[2], rows, sums);
  return all;
}

}  // namespace

const OpShadows batch_norm_shadows = {"batch_norm", forward, backward};

}  // namespace vitrine
