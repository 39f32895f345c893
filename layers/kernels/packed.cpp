#include "layers/kernels/packed.h"

#include <algorithm>

namespace vitrine {

void kernels::pack(const float* w, const float* bias, std::int64_t K, std::int64_t N, float* out) {
  const Packed shape{nullptr, K, N};
  const auto fill = [](const float* from, std::int64_t count, std::int64_t width, float* to) {
    std::fill(std::copy_n(from, count, to), to + width, 0.0f);
  };
  for (std::int64_t n = 0; n < N; n += Packed::kPanel) {
    const std::int64_t width = shape.width(n), count = std::min(Packed::kPanel, N - n);
    for (std::int64_t k = 0; k < K; ++k) fill(w + k * N + n, count, width, out + n * K + k * width);
  }
  fill(bias, bias != nullptr ? N : 0, shape.padded(), out + K * shape.padded());
}

PackedWeights::PackedWeights(std::span<const float> w, std::span<const float> bias, std::int64_t rows, std::int64_t columns)
    : K(rows), N(columns), values(Tensor::uninitialized({rows + 1, kernels::Packed{nullptr, rows, columns}.padded()})) {
  kernels::pack(w.data(), bias.data(), K, N, values.mutable_host().data());
}

}  // namespace vitrine
