// Weights of a 1x1 convolution, or of any product y [., N] = x [., K] w [K, N], in the order in which kernels read them.
//
// Panels of 48 output channels, [K][48] each; the last panel is as wide as the next multiple of 16, filled up with zeros; after the
// panels one bias of that padded length. A panel is one run of memory, so the processor fetches it ahead.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace vitrine {
namespace kernels {

struct Packed {
  const float* panels = nullptr;
  std::int64_t K = 0, N = 0;
  const float* by_output = nullptr;  // the same weights [N, K], as a device's libraries want them; null where none are asked

  static constexpr std::int64_t kPanel = 48;
  constexpr std::int64_t padded() const { return (N + 15) / 16 * 16; }
  constexpr const float* bias() const { return panels + K * padded(); }
  constexpr const float* panel(std::int64_t n) const { return panels + n * K; }  // that starts at column n, a multiple of 48
  constexpr std::int64_t width(std::int64_t n) const { return padded() - n < kPanel ? padded() - n : kPanel; }
};

// w [K, N] and bias [N], or none, into `out` [K + 1][padded]: the panels, and the bias after them.
void pack(const float* w, const float* bias, std::int64_t K, std::int64_t N, float* out);

}  // namespace kernels

struct PackedWeights {
  std::int64_t K = 0, N = 0;
  Tensor values, by_output;

  PackedWeights() = default;
  PackedWeights(std::span<const float> w, std::span<const float> bias, std::int64_t rows, std::int64_t columns);
  kernels::Packed view() const { return {values.data(), K, N, by_output.defined() ? by_output.data() : nullptr}; }
};

}  // namespace vitrine
