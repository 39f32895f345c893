#include "layers/kernels/packed.h"

#include <algorithm>

namespace vitrine {

PackedWeights::PackedWeights(std::span<const float> w, std::span<const float> bias, std::int64_t rows, std::int64_t columns)
    : K(rows), N(columns) {
  const kernels::Packed shape{nullptr, K, N};
  values = Tensor::zeros({K + 1, shape.padded()});
  float* const out = values.mutable_host().data();
  for (std::int64_t n = 0; n < N; n += kernels::Packed::kPanel) {
    const std::int64_t width = shape.width(n), count = std::min(kernels::Packed::kPanel, N - n);
    for (std::int64_t k = 0; k < K; ++k) std::copy_n(w.data() + k * N + n, count, out + n * K + k * width);
  }
  std::copy(bias.begin(), bias.end(), out + K * shape.padded());
}

}  // namespace vitrine
