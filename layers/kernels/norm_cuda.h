// Batch normalisation of one value, the activation after it, and where the sums of both go: the arithmetic of layers/kernels/norm_cpu.h and
// layers/kernels/activation_cpu.h for the CUDA back end.
#pragma once

#include <optional>

#include "layers/blocks/batch_statistics.h"
#include "layers/kernels/activation.h"
#include "tensor/cuda/scalar_math.h"

namespace vitrine::cuda {

struct NormChannel {
  float high, low, inverse, scale;

  VITRINE_HD NormChannel(const cpu::NormConstants& k, std::int64_t c)
      : high(k.mean_high[c]), low(k.mean_low[c]), inverse(k.inverse_deviation[c]), scale(k.scale[c]) {}

  VITRINE_HD float centred(float x) const { return (x - high) - low; }
  VITRINE_HD float standard(float x) const { return centred(x) * inverse; }
  VITRINE_HD float value(float x, float shift) const { return std::fma(centred(x), scale, shift); }
  VITRINE_HD float gradient(float x, float dy, float mean_dy, float mean_dy_h) const {
    return scale * std::fma(-standard(x), mean_dy_h, dy - mean_dy);
  }
};

// The activation that a shape names, chosen when a kernel runs: all threads take the same branch.
struct Activate {
  enum class Kind { identity, swish, relu6 } kind;

  explicit Activate(const std::optional<Activation>& a)
      : kind(!a                        ? Kind::identity
             : *a == Activation::swish ? Kind::swish
                                       : Kind::relu6) {}
  VITRINE_HD float value(float u) const {
    return kind == Kind::swish ? Swish::value(u) : kind == Kind::relu6 ? Relu6::value(u) : u;
  }
  VITRINE_HD float slope(float u) const {
    return kind == Kind::swish ? Swish::slope(u) : kind == Kind::relu6 ? Relu6::slope(u) : 1.0f;
  }
};

// What column_sums hands the two sums of a channel to.
struct ToNorm {
  cpu::NormTarget to;
  std::int64_t C;
  VITRINE_HD void operator()(std::int64_t segment, std::int64_t c, const double* sums) const {
    if (to.whole) return cpu::norm_of_channel(to.result, to.rows, C, c, sums[0], sums[1]);
    for (int i = 0; i < 2; ++i) to.partial[(segment * 2 + i) * C + c] = sums[i];
  }
};
struct ToNormGradients {
  cpu::NormGradientTarget to;
  std::int64_t C;
  VITRINE_HD void operator()(std::int64_t segment, std::int64_t c, const double* sums) const {
    if (to.whole) return cpu::norm_gradients_of_channel(to.result, to.rows, C, c, sums[0], sums[1]);
    for (int i = 0; i < 2; ++i) to.partial[(segment * 2 + i) * C + c] = sums[i];
  }
};

}  // namespace vitrine::cuda
