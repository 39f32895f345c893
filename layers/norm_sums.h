// Sums over rows in float64, and what batch normalisation makes of them: shared by the fused ops.
#pragma once

#include "layers/batch_norm.h"

namespace vitrine {

// Partial sums [segments][quantities][channels] in float64, kept in a tensor's storage.
class PartialSums {
 public:
  PartialSums(std::int64_t segments, std::int64_t quantities, std::int64_t channels)
      : segments_(segments), size_(quantities * channels), room_(Tensor::uninitialized({segments, quantities, channels, 2})) {
    data_ = reinterpret_cast<double*>(room_.mutable_host().data());
  }

  double* data() { return data_; }

  // The sum over segments, in index order, of element i.
  double sum(std::int64_t i) const {
    double total = data_[i];
    for (std::int64_t s = 1; s < segments_; ++s) total += data_[s * size_ + i];
    return total;
  }

 private:
  std::int64_t segments_, size_;
  Tensor room_;
  double* data_;
};

// What normalising a tensor of `rows` rows takes, from partial sums [segments][2][C] of its values and of their squares; moves the
// running statistics of `norm`. The variance is mean of squares - square of the mean in float64, where squares of floats are exact:
// with n rows in a segment its relative error is at most
// (n + segments + 4) 2^-53 (1 + mean^2 / variance).
NormTensor norm_of_batch(BatchNorm& norm, const PartialSums& sums, std::int64_t rows);

// Means over all rows of the gradient by a normalised value, and of its product with that value.
namespace cpu {
struct NormMeans {
  const float *g = nullptr, *gh = nullptr;
};
}  // namespace cpu

// Of a norm: gradients by gamma and beta, and the means that the gradient by its input needs, from partial sums [segments][2][C].
struct NormGradients {
  Tensor gamma, beta, means;  // [C], [C], [2, C]

  NormGradients(const PartialSums& sums, std::int64_t C, std::int64_t rows);
  cpu::NormMeans view() const { return {means.host().data(), means.host().data() + means.shape()[1]}; }
};

}  // namespace vitrine
