// Batch normalisation of one value: the arithmetic of layers/kernels/norm_cpu.h for the CUDA back end.
#pragma once

#include "layers/kernels/norm_constants.h"

namespace vitrine::cuda {

struct NormChannel {
  float high, low, inverse, scale;

  VITRINE_HD NormChannel(const kernels::NormConstants& k, std::int64_t c)
      : high(constant(k.mean_high + c)),
        low(constant(k.mean_low + c)),
        inverse(constant(k.inverse_deviation + c)),
        scale(constant(k.scale + c)) {}

  VITRINE_HD float centred(float x) const { return (x - high) - low; }
  VITRINE_HD float standard(float x) const { return centred(x) * inverse; }
  VITRINE_HD float value(float x, float shift) const { return std::fma(centred(x), scale, shift); }
  VITRINE_HD float gradient(float x, float dy, float mean_dy, float mean_dy_h) const {
    return scale * std::fma(-standard(x), mean_dy_h, dy - mean_dy);
  }
};

}  // namespace vitrine::cuda
