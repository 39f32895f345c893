// The gate of squeeze-excitation as one op for training: from a channel's mean to its factor.
//
// Forward    a = z Wr + br;  h = swish(a);  s = sigmoid(h We + be)
// Backward   db = ds s (1 - s);  da = (db We') swish'(a);  dz = da Wr'
//            dWe = h' db,  dbe = sum db;  dWr = z' da,  dbr = sum da         (' is the transpose, sums over images)
// Shapes     z, s [N, C];  a, h [N, R];  Wr [C, R], br [R], We [R, C], be [C]
// Saved      z, a, s, the weights
// Numerics   bit for bit those of linear, swish and sigmoid; in the run-to-run tier of a CUDA device sums over C have up to 64 parts,
//            added in order. Bounds are those of layers/linear.h, layers/swish.h and layers/sigmoid.h: a from z, s from the a that was stored; db
//            and da, which are not kept, are computed again in float32, and the gradients follow from them
// Requires   fits_fused_gate: room for the parts of R sums in a block's shared memory
// Differs    from the composed gate (layers/blocks/squeeze_excitation.h): nothing
// Reference  Hu, Shen, Sun 2017, arXiv:1709.01507, eq. (3)
#pragma once

#include "layers/blocks/squeeze_excitation.h"

namespace vitrine {

bool fits_fused_gate(const SqueezeExcitation& se);

// s, on the tape.
Variable fused_gate(const SqueezeExcitation& se, const Variable& z, const Pass& pass);

// The same without a tape, for ops that hold a gate.
struct GateValues {
  Tensor z, hidden, gate;                                         // z, a, s
  Tensor reduce_weight, reduce_bias, expand_weight, expand_bias;  // as they were: while they are held nobody can write them

  void visit(SavedVisitor& show) const;  // those that are there
};
struct GateGradients {
  Tensor z, reduce_weight, reduce_bias, expand_weight, expand_bias;
};
GateValues gate_forward(const SqueezeExcitation& se, Tensor z);
GateGradients gate_backward(const GateValues& values, const Tensor& ds);

namespace kernels {

struct GateShape {
  std::int64_t N, C, R;
};
struct GateWeights {
  const float *reduce, *reduce_bias, *expand, *expand_bias;
};
struct GateTargets {  // of the gradients
  float *z, *reduce, *reduce_bias, *expand, *expand_bias;
};

struct FusedGateKernels {
  void (*forward)(const GateShape& s, const GateWeights& w, const float* z, float* hidden, float* gate);
  // scratch: N C + 2 N R + 2 C R floats
  void (*backward)(const GateShape& s, const GateWeights& w, const float* z, const float* hidden, const float* gate,
                   const float* ds, float* scratch, const GateTargets& to);
};
const FusedGateKernels& fused_gate_kernels(Device device = {});

inline constexpr std::int64_t kGateFloats = 12288;  // of a block's shared memory

}  // namespace kernels
}  // namespace vitrine
