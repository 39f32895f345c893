// The kernels of layers/blocks/squeeze_excitation_fused.h that the CPU has of its own.
#pragma once

#include "layers/blocks/squeeze_excitation_fused.h"

namespace vitrine::kernels {

inline constexpr std::int64_t kFewRows = 64;

struct FewRowsGateKernels {
  // As FusedGateKernels::backward, for at most kFewRows rows; the same bits. parts: ceil(C / 128) N R floats.
  void (*backward)(const GateShape& s, const GateWeights& w, const float* z, const float* hidden, const float* gate,
                   const float* ds, float* parts, const GateTargets& to);
};

}  // namespace vitrine::kernels
