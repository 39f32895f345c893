// Shadows of the fused gate: layers/blocks/squeeze_excitation_fused.h, Numerics.
#include "layers/blocks/gate_bound.h"
#include "layers/elementary_bound.h"
#include "layers/shadow_list.h"
#include "layers/unary_bound.h"

namespace vitrine {
namespace {

Bounded at(const std::vector<Bounded>& values, std::int64_t i) { return values[static_cast<std::size_t>(i)]; }

}  // namespace

SeenGate::SeenGate(const SeenOp& op)
    : hidden_tensor(op.tensor("hidden")),
      gate_tensor(op.tensor("gate")),
      z(op.tensor("z")),
      hidden(hidden_tensor),
      gate(gate_tensor),
      reduce_weight(op.tensor("reduce_weight")),
      reduce_bias(op.tensor("reduce_bias")),
      expand_weight(op.tensor("expand_weight")),
      expand_bias(op.tensor("expand_bias")),
      N(gate_tensor.shape()[0]),
      C(gate_tensor.shape()[1]),
      R(hidden_tensor.shape()[1]) {}

Shadow SeenGate::hidden_shadow() const {
  Shadow shadow = shadow_of("hidden", hidden_tensor, C, [g = *this](std::int64_t i) {
    Dot dot;
    for (std::int64_t c = 0; c < g.C; ++c) dot.add(c, g.z[i / g.R * g.C + c], g.reduce_weight[c * g.R + i % g.R]);
    return plus(dot.result(), g.reduce_bias.exact(i % g.R));
  });
  shadow.inner = true;
  return shadow;
}

Shadow SeenGate::gate_shadow(std::string of, bool inner) const {
  Shadow shadow = shadow_of(std::move(of), gate_tensor, R, [g = *this](std::int64_t i) {
    Dot dot;
    for (std::int64_t r = 0; r < g.R; ++r) {
      const Bounded active = unary_value_bound(Unary::swish, g.hidden.exact(i / g.C * g.R + r));
      dot.add(r, active, g.expand_weight.exact(r * g.C + i % g.C));
    }
    return sigmoid_bound(plus(dot.result(), g.expand_bias.exact(i % g.C)));
  });
  shadow.inner = inner;
  return shadow;
}

SeenGate::Inner SeenGate::inner(const std::vector<Bounded>& ds) const {
  Inner result;
  for (std::int64_t i = 0; i < N * C; ++i)
    result.db.push_back(times(times(at(ds, i), gate.exact(i)), minus(exactly(1), gate.exact(i))));
  for (std::int64_t i = 0; i < N * R; ++i) {
    Dot dh;
    for (std::int64_t c = 0; c < C; ++c) dh.add(c, at(result.db, i / R * C + c), expand_weight.exact(i % R * C + c));
    result.active.push_back(unary_value_bound(Unary::swish, hidden.exact(i)));
    result.da.push_back(times(dh.result(), unary_slope_bound(Unary::swish, hidden.exact(i))));
  }
  return result;
}

Bounded SeenGate::z_gradient(const Inner& inner, std::int64_t i) const {
  Dot dot;
  for (std::int64_t r = 0; r < R; ++r) dot.add(r, at(inner.da, i / C * R + r), reduce_weight.exact(i % C * R + r));
  return dot.result();
}

void SeenGate::add_gradients(std::vector<Shadow>& all, const Lazy<Inner>& inner, const Tensor& reduce,
                             const Tensor& reduce_bias_gradient, const Tensor& expand,
                             const Tensor& expand_bias_gradient) const {
  if (reduce.defined()) {
    all.push_back(shadow_of("dreduce_weight", reduce, N, [g = *this, inner](std::int64_t i) {
      LongSum sum;
      for (std::int64_t n = 0; n < g.N; ++n)
        sum.add_product(n, g.z.exact(n * g.C + i / g.R), at(inner.get().da, n * g.R + i % g.R));
      return sum.result();
    }));
  }
  if (expand.defined()) {
    all.push_back(shadow_of("dexpand_weight", expand, N, [g = *this, inner](std::int64_t i) {
      LongSum sum;
      for (std::int64_t n = 0; n < g.N; ++n)
        sum.add_product(n, at(inner.get().active, n * g.R + i / g.C), at(inner.get().db, n * g.C + i % g.C));
      return sum.result();
    }));
  }
  const auto bias = [&](std::string of, const Tensor& computed, const std::vector<Bounded> Inner::*of_rows) {
    if (!computed.defined()) return;
    all.push_back(shadow_of(std::move(of), computed, N, [N = N, inner, of_rows, size = computed.size()](std::int64_t i) {
      LongSum sum;
      for (std::int64_t n = 0; n < N; ++n) sum.add(n, at(inner.get().*of_rows, n * size + i));
      return sum.result();
    }));
  };
  bias("dreduce_bias", reduce_bias_gradient, &Inner::da);
  bias("dexpand_bias", expand_bias_gradient, &Inner::db);
}

namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  const SeenGate gate(op);
  return {gate.hidden_shadow(), gate.gate_shadow("y", false)};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const SeenGate gate(op);
  const Lazy<SeenGate::Inner> inner([gate, g = Values(dy)] {
    std::vector<Bounded> ds;
    for (std::int64_t i = 0; i < gate.N * gate.C; ++i) ds.push_back(g.exact(i));
    return gate.inner(ds);
  });
  std::vector<Shadow> all;
  if (gradients[0].defined()) {
    all.push_back(
        shadow_of("dz", gradients[0], gate.R, [gate, inner](std::int64_t i) { return gate.z_gradient(inner.get(), i); }));
  }
  gate.add_gradients(all, inner, gradients[1], gradients[2], gradients[3], gradients[4]);
  return all;
}

}  // namespace

const OpShadows fused_gate_shadows = {"fused_gate", forward, backward};

}  // namespace vitrine
