// Functions of one value on a device, chosen when a kernel runs: all threads take the same branch.
#pragma once

#include <optional>

#include "layers/unary_list.h"
#include "tensor/cuda/one_float.h"

namespace vitrine::cuda {

using Swish = SwishFunction<OneFloat>;

struct AnyFunction {
  Unary f;

  VITRINE_HD float value(float u) const {
    float y = 0;
    with_unary<OneFloat>(f, [&](auto function) { y = function.value(u); });
    return y;
  }
  VITRINE_HD float slope(float u) const {
    float y = 0;
    with_unary<OneFloat>(f, [&](auto function) { y = function.slope(u); });
    return y;
  }
  VITRINE_HD float gradient(float u, float dy) const {
    float y = 0;
    with_unary<OneFloat>(f, [&](auto function) { y = vitrine::gradient(function, u, dy); });
    return y;
  }
};

// The activation that a shape names, or none.
struct Activate {
  bool is_identity;
  AnyFunction function;

  explicit Activate(const std::optional<Activation>& a) : is_identity(!a), function{a.value_or(Activation::swish)} {}
  VITRINE_HD float value(float u) const { return is_identity ? u : function.value(u); }
  VITRINE_HD float slope(float u) const { return is_identity ? 1.0f : function.slope(u); }
};

}  // namespace vitrine::cuda
