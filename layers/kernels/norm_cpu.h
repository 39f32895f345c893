// The constants of batch normalisation for one vector of channels, in registers (layers/batch_norm.h states the arithmetic).
#pragma once

#include "layers/kernels/norm_constants.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {

// Activations are computed for so many rows of one vector of channels before float64 sums take them: in one loop with the sums the processor sees
// too few rows at a time to keep its units busy. The rows stay in the first cache.
inline constexpr std::int64_t kAtATime = 64;

struct NormLanes {
  F high, low, inverse, scale;

  NormLanes(const NormConstants& k, std::int64_t c, int lanes)
      : high(load_partial(k.mean_high + c, lanes)),
        low(load_partial(k.mean_low + c, lanes)),
        inverse(load_partial(k.inverse_deviation + c, lanes)),
        scale(load_partial(k.scale + c, lanes)) {}

  F centred(F x) const { return (x - high) - low; }
  F standard(F x) const { return centred(x) * inverse; }                 // h
  F value(F x, F shift) const { return fma(centred(x), scale, shift); }  // gamma h + beta
  // The gradient by x in training mode, from the means of dy and of dy h over all rows.
  F gradient(F x, F dy, F mean_dy, F mean_dy_h) const { return scale * fma(-standard(x), mean_dy_h, dy - mean_dy); }
};

}  // namespace vitrine::kernels::VITRINE_ISA
