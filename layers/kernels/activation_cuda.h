// Activations of one value: the arithmetic of layers/kernels/activation_cpu.h for the CUDA back end.
#pragma once

#include <optional>

#include "layers/kernels/activation.h"
#include "tensor/cuda/scalar_math.h"

namespace vitrine::cuda {

struct Activated {
  float value, slope;  // f(u), f'(u)
};

struct Swish {
  VITRINE_HD static float value(float u) { return u * sigmoid(u); }
  VITRINE_HD static float slope(float u) {
    const float s = sigmoid(u);
    return s * std::fma(u, 1.0f - s, 1.0f);
  }
};

struct Relu6 {
  VITRINE_HD static float value(float u) {
    const float low = u < 0.0f ? 0.0f : u;  // NaN stays NaN
    return low > 6.0f ? 6.0f : low;
  }
  VITRINE_HD static float slope(float u) { return u > 0.0f && u < 6.0f ? 1.0f : 0.0f; }
};

struct Identity {
  VITRINE_HD static float value(float u) { return u; }
  VITRINE_HD static float slope(float) { return 1.0f; }
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

}  // namespace vitrine::cuda
