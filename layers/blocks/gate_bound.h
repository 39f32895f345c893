// Shadows of the gate of squeeze-excitation, as an op of its own and within fused_mbconv.
#pragma once

#include <vector>

#include "layers/bounded.h"

namespace vitrine {

// What GateValues::visit shows (layers/blocks/squeeze_excitation_fused.h).
struct SeenGate {
  Tensor hidden_tensor, gate_tensor;
  Values z, hidden, gate, reduce_weight, reduce_bias, expand_weight, expand_bias;
  std::int64_t N = 0, C = 0, R = 0;

  SeenGate() = default;
  explicit SeenGate(const SeenOp& op);

  Shadow hidden_shadow() const;
  Shadow gate_shadow(std::string of, bool inner) const;

  // Gradients that stay within: of the argument of sigmoid [N, C] and of swish [N, R], and swish(a) [N, R].
  struct Inner {
    std::vector<Bounded> db, active, da;
  };
  // From ds [N, C], the gradient by the gate.
  Inner inner(const std::vector<Bounded>& ds) const;
  Bounded z_gradient(const Inner& inner, std::int64_t i) const;
  // Of the weights and biases that are there, in the order of GateGradients.
  void add_gradients(std::vector<Shadow>& all, const Lazy<Inner>& inner, const Tensor& reduce,
                     const Tensor& reduce_bias_gradient, const Tensor& expand, const Tensor& expand_bias_gradient) const;
};

}  // namespace vitrine
