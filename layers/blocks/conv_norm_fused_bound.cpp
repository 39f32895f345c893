// Shadows of the fused norm: layers/blocks/conv_norm_fused.h, Numerics.
#include "layers/norm_bound.h"
#include "layers/shadow_list.h"
#include "layers/unary_bound.h"

namespace vitrine {
namespace {

struct SeenFusedNorm {
  Values x, beta, factors, skip;
  SeenNorm norm;
  std::int64_t C, rows, image_rows = 1;
  std::optional<Activation> activation;
  bool has_skip;

  explicit SeenFusedNorm(const SeenOp& op)
      : x(op.tensor("x")),
        beta(op.tensor("beta")),
        norm(op.tensor("constants")),
        C(norm.C),
        rows(op.output.size() / C),
        has_skip(op.number("has_skip") != 0) {
    if (op.number("activation") >= 0) activation = static_cast<Activation>(static_cast<int>(op.number("activation")));
    if (op.has("factors")) {
      factors = Values(op.tensor("factors"));
      image_rows = rows / op.tensor("factors").size();
    }
    if (has_skip) skip = Values(op.inputs[3]);
  }
  Bounded normalised(std::int64_t i) const { return norm.value(x.exact(i), i % C, beta.exact(i % C)); }
  double factor(std::int64_t i) const { return factors.defined() ? factors[i / C / image_rows] : 1; }
  Bounded output(std::int64_t i) const {
    const Bounded u = normalised(i), branch = scaled(activation ? unary_value_bound(*activation, u) : u, factor(i));
    return has_skip ? plus(skip.exact(i), branch) : branch;
  }
  // By BN(x).
  Bounded gradient(std::int64_t i, const Values& dy) const {
    const Bounded upstream = scaled(dy.exact(i), factor(i));
    return activation ? times(upstream, unary_slope_bound(*activation, normalised(i))) : upstream;
  }
};

std::vector<Shadow> forward(const SeenOp& op) {
  const SeenFusedNorm seen(op);
  std::vector<Shadow> all;
  if (op.inputs[1].defined()) {
    const OnePass kernel{static_cast<std::int64_t>(op.number("rows_of_segment"))};
    const auto moments =
        channel_moments(seen.rows, seen.C, kernel, [seen](std::int64_t r, std::int64_t c) { return seen.x[r * seen.C + c]; });
    all.push_back(
        norm_constants_shadow("constants", op.tensor("constants"), Values(op.inputs[1]), op.number("eps"), seen.rows, moments));
  }
  if (!seen.has_skip || seen.skip.defined())
    all.push_back(shadow_of("y", op.output, 1, [seen](std::int64_t i) { return seen.output(i); }));
  return all;
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const SeenFusedNorm seen(op);
  const Values g(dy);
  const auto sums = channel_sums(
      seen.rows, seen.norm, [seen](std::int64_t r, std::int64_t c) { return seen.x[r * seen.C + c]; },
      [seen, g](std::int64_t r, std::int64_t c) { return seen.gradient(r * seen.C + c, g); });
  std::vector<Shadow> all;
  if (gradients[0].defined()) {
    all.push_back(shadow_of("dx", gradients[0], 1, [seen, g, sums](std::int64_t i) {
      const std::int64_t c = i % seen.C;
      const ChannelSums& s = sums[c];
      return seen.norm.gradient(seen.x.exact(i), c, seen.gradient(i, g), mean_of(s.g, seen.rows), mean_of(s.gh, seen.rows));
    }));
  }
  add_norm_gradients(all, "", gradients[1], gradients[2], seen.rows, sums);
  if (seen.has_skip && gradients[3].defined())
    all.push_back(shadow_of("dskip", gradients[3], 1, [g](std::int64_t i) { return g.exact(i); }));
  return all;
}

}  // namespace

const OpShadows fused_norm_shadows = {"fused_norm", forward, backward};

}  // namespace vitrine
