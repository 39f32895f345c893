// Shadows of the fused gate: layers/blocks/squeeze_excitation_fused.h, Numerics.
#include "layers/blocks/gate_bound.h"
#include "layers/elementary_bound.h"
#include "layers/shadow_list.h"
#include "layers/swish.h"
#include "layers/unary_bound.h"
#include "tensor/cuda/one_float.h"

namespace vitrine {
namespace {

Bounded at(const std::vector<float>& values, std::int64_t i) {
  return exactly(static_cast<double>(values[static_cast<std::size_t>(i)]));
}

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

SeenGate::Again SeenGate::again(std::vector<float> ds) const {
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  Again result{std::move(ds), std::vector<float>(size(N * C)), std::vector<float>(size(N * R)),
               std::vector<float>(size(N * C))};
  for (std::int64_t i = 0; i < N * C; ++i) result.db[size(i)] = result.ds[size(i)] * gate.at[i] * (1.0f - gate.at[i]);
  for (std::int64_t i = 0; i < N * R; ++i) {
    const float dh = dot_again(C, [&](std::int64_t c, float sum) {
      return std::fma(result.db[size(i / R * C + c)], expand_weight.at[i % R * C + c], sum);
    });
    result.da[size(i)] = dh * SwishFunction<cuda::OneFloat>::slope(hidden.at[i]);
  }
  for (std::int64_t i = 0; i < N * C; ++i) {
    result.dz[size(i)] = dot_again(R, [&](std::int64_t r, float sum) {
      return std::fma(result.da[size(i / C * R + r)], reduce_weight.at[i % C * R + r], sum);
    });
  }
  return result;
}

Bounded SeenGate::z_gradient(const Again& again, std::int64_t i) const {
  Dot dot;
  for (std::int64_t r = 0; r < R; ++r) dot.add(r, at(again.da, i / C * R + r), reduce_weight.exact(i % C * R + r));
  return dot.result();
}

namespace {

void add_inner_gradients(std::vector<Shadow>& all, const SeenGate& g, const Lazy<SeenGate::Again>& again) {
  const auto db = [g, again](std::int64_t i) {
    return times(times(at(again.get().ds, i), g.gate.exact(i)), minus(exactly(1), g.gate.exact(i)));
  };
  const auto da = [g, again](std::int64_t i) {
    Dot dh;
    for (std::int64_t c = 0; c < g.C; ++c)
      dh.add(c, at(again.get().db, i / g.R * g.C + c), g.expand_weight.exact(i % g.R * g.C + c));
    return times(dh.result(), unary_slope_bound(Unary::swish, g.hidden.exact(i)));
  };
  all.push_back(again_shadow("db", g.N * g.C, 1, db, [again](std::int64_t i) { return at(again.get().db, i).value; }));
  all.push_back(again_shadow("da", g.N * g.R, g.C, da, [again](std::int64_t i) { return at(again.get().da, i).value; }));
}

}  // namespace

void SeenGate::add_gradients(std::vector<Shadow>& all, const Lazy<Again>& again, const Tensor& reduce,
                             const Tensor& reduce_bias_gradient, const Tensor& expand,
                             const Tensor& expand_bias_gradient) const {
  add_inner_gradients(all, *this, again);
  if (reduce.defined()) {
    all.push_back(shadow_of("dreduce_weight", reduce, N, [g = *this, again](std::int64_t i) {
      LongSum sum;
      for (std::int64_t n = 0; n < g.N; ++n)
        sum.add_product(n, g.z.exact(n * g.C + i / g.R), at(again.get().da, n * g.R + i % g.R));
      return sum.result();
    }));
  }
  if (expand.defined()) {
    all.push_back(shadow_of("dexpand_weight", expand, N, [g = *this, again](std::int64_t i) {
      LongSum sum;
      for (std::int64_t n = 0; n < g.N; ++n) {
        const Bounded active = unary_value_bound(Unary::swish, g.hidden.exact(n * g.R + i / g.C));
        sum.add_product(n, active, at(again.get().db, n * g.C + i % g.C));
      }
      return sum.result();
    }));
  }
  const auto bias = [&](std::string of, const Tensor& computed, const std::vector<float> Again::*of_rows) {
    if (!computed.defined()) return;
    all.push_back(shadow_of(std::move(of), computed, N, [N = N, again, of_rows, size = computed.size()](std::int64_t i) {
      LongSum sum;
      for (std::int64_t n = 0; n < N; ++n) sum.add(n, at(again.get().*of_rows, n * size + i));
      return sum.result();
    }));
  };
  bias("dreduce_bias", reduce_bias_gradient, &Again::da);
  bias("dexpand_bias", expand_bias_gradient, &Again::db);
}

Shadow again_shadow(std::string of, std::int64_t elements, std::int64_t terms, std::function<Bounded(std::int64_t)> at,
                    std::function<double(std::int64_t)> seen) {
  Shadow shadow;
  shadow.of = std::move(of);
  shadow.elements = elements;
  shadow.terms = terms;
  shadow.at = [at = std::move(at)](std::int64_t i) { return finished(at(i)); };
  shadow.seen = std::move(seen);
  shadow.inner = true;
  return shadow;
}

namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  const SeenGate gate(op);
  return {gate.hidden_shadow(), gate.gate_shadow("y", false)};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const SeenGate gate(op);
  const Lazy<SeenGate::Again> again([gate, g = Values(dy)] { return gate.again({g.at, g.at + gate.N * gate.C}); });
  std::vector<Shadow> all;
  if (gradients[0].defined()) {
    all.push_back(
        shadow_of("dz", gradients[0], gate.R, [gate, again](std::int64_t i) { return gate.z_gradient(again.get(), i); }));
  }
  gate.add_gradients(all, again, gradients[1], gradients[2], gradients[3], gradients[4]);
  return all;
}

}  // namespace

const OpShadows fused_gate_shadows = {"fused_gate", forward, backward};

}  // namespace vitrine
