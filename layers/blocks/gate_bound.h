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

  // Gradients that the op does not keep, computed again in float32 and in its order: by the gate, by the argument of sigmoid [N, C], by that
  // of swish [N, R], and by z.
  struct Again {
    std::vector<float> ds, db, da, dz;
  };
  Again again(std::vector<float> ds) const;
  Bounded z_gradient(const Again& again, std::int64_t i) const;
  // Of db and da, and of the weights and biases that are there, in the order of GateGradients.
  void add_gradients(std::vector<Shadow>& all, const Lazy<Again>& again, const Tensor& reduce,
                     const Tensor& reduce_bias_gradient, const Tensor& expand, const Tensor& expand_bias_gradient) const;
};

// A shadow of values that were computed again: nobody kept what the kernel computed.
Shadow again_shadow(std::string of, std::int64_t elements, std::int64_t terms, std::function<Bounded(std::int64_t)> at,
                    std::function<double(std::int64_t)> seen);

// A float32 dot product in the order of layers/kernels/gemm_cpu.h: term(k, sum) adds one.
template <class Term>
float dot_again(std::int64_t terms, Term term) {
  float total = 0;
  for (std::int64_t start = 0; start < terms; start += kDotChunk) {
    float sum = 0;
    for (std::int64_t k = start; k < std::min(terms, start + kDotChunk); ++k) sum = term(k, sum);
    total = start == 0 ? sum : total + sum;
  }
  return total;
}

}  // namespace vitrine
