// Dropout, the definition, over any number type: the factors come from the coordinates, then one product.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "layers/pass.h"
#include "tensor/philox.h"

namespace vitrine::reference {

// 0 or 1 / (1 - rate), by a uniform number in [0, 1).
inline float dropout_factor(float uniform, double rate) {
  return static_cast<double>(uniform) < rate ? 0.0f : static_cast<float>(1.0 / (1.0 - rate));
}

inline Draw dropout_draw(const DropKey& key, std::int64_t n, std::uint32_t op) {
  return {key.seed, Purpose::dropout, key.epoch, key.first_sample + static_cast<std::uint32_t>(n), op};
}

// Factors of N rows of `size` elements.
inline std::vector<float> dropout_factors(std::int64_t N, std::int64_t size, double rate, const DropKey& key,
                                          std::uint32_t op) {
  std::vector<float> factors;
  for (std::int64_t n = 0; n < N; ++n) {
    const Draw draw = dropout_draw(key, n, op);
    for (std::int64_t e = 0; e < size; ++e)
      factors.push_back(dropout_factor(draw.uniform_float(static_cast<std::uint32_t>(e)), rate));
  }
  return factors;
}

// Forward from x, backward from dy: the same product.
template <class T>
void dropout_apply(std::int64_t N, std::int64_t size, std::span<const T> x, std::span<const float> factors, std::span<T> y) {
  for (std::int64_t n = 0; n < N; ++n)
    for (std::int64_t e = 0; e < size; ++e) {
      const auto i = static_cast<std::size_t>(n * size + e);
      y[i] = x[i] * T(factors[i]);
    }
}

}  // namespace vitrine::reference
