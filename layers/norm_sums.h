// Sums over rows in float64, and what batch normalisation makes of them: shared by the fused ops.
#pragma once

#include "layers/batch_norm.h"

namespace vitrine {

namespace cpu {

// Partial sums [segments][2][C] over `rows` rows.
struct BatchSums {
  const double* partial;
  std::int64_t segments, C, rows;
};

// Statistics before and after a batch, [C] each; they may be the same memory.
struct RunningStatistics {
  double momentum;
  const float *mean, *variance;
  float *moved_mean, *moved_variance;
};

// The sum over segments, in index order, of element i of `size`.
VITRINE_HD static inline double sum_of_segments(const double* partial, std::int64_t segments, std::int64_t size,
                                                std::int64_t i) {
  double total = partial[i];
  for (std::int64_t s = 1; s < segments; ++s) total += partial[s * size + i];
  return total;
}

// Of sums of values and of their squares: the constants [4, C] of channel c, and its running statistics.
VITRINE_HD static inline void norm_of_channel(const BatchSums& s, std::int64_t c, const float* gamma, double eps,
                                              const RunningStatistics& running, float* constants) {
  const auto rows = static_cast<double>(s.rows);
  const double mean = sum_of_segments(s.partial, s.segments, 2 * s.C, c) / rows;
  const double spread = sum_of_segments(s.partial, s.segments, 2 * s.C, s.C + c) / rows - mean * mean;
  const double variance = spread > 0.0 ? spread : 0.0;
  running.moved_mean[c] = moved_statistic(running.mean[c], static_cast<float>(mean), 1.0, running.momentum);
  running.moved_variance[c] =
      moved_statistic(running.variance[c], static_cast<float>(variance), rows / (rows - 1), running.momentum);
  set_norm_constants(mean, variance, gamma[c], eps, constants + c, s.C);
}

// Of sums of g and g h: the gradients by gamma and beta, and their means [2, C].
VITRINE_HD static inline void norm_gradients_of_channel(const BatchSums& s, std::int64_t c, float* gamma, float* beta,
                                                        float* means) {
  const auto rows = static_cast<double>(s.rows);
  const double sum = sum_of_segments(s.partial, s.segments, 2 * s.C, c);
  const double sum_h = sum_of_segments(s.partial, s.segments, 2 * s.C, s.C + c);
  beta[c] = static_cast<float>(sum);
  gamma[c] = static_cast<float>(sum_h);
  means[c] = static_cast<float>(sum / rows);
  means[s.C + c] = static_cast<float>(sum_h / rows);
}

struct NormSumsKernels {
  void (*of_batch)(const BatchSums& s, const float* gamma, double eps, const RunningStatistics& running, float* constants);
  void (*gradients)(const BatchSums& s, float* gamma, float* beta, float* means);
  // out [rows, columns], or [columns, rows] where transposed, = the sum over segments of partial [segments][rows][columns]
  void (*weights)(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
                  float* out);
};
const NormSumsKernels& norm_sums_kernels(Device device);

// Means over all rows of the gradient by a normalised value, and of its product with that value.
struct NormMeans {
  const float *g = nullptr, *gh = nullptr;
};

}  // namespace cpu

// Partial sums [segments][quantities][channels] in float64, kept in a tensor's storage.
class PartialSums {
 public:
  PartialSums(std::int64_t segments, std::int64_t quantities, std::int64_t channels, Device device);

  double* data() { return data_; }
  cpu::BatchSums over(std::int64_t rows) const { return {data_, segments_, channels_, rows}; }
  Device device() const { return room_.device(); }
  // The sums of all devices that train together, one device after the other; these alone where there is one.
  PartialSums of_all_devices() const;

 private:
  std::int64_t segments_, channels_;
  Tensor room_;
  double* data_;
};

// What normalising a tensor of `rows` rows takes, from partial sums [segments][2][C] of its values and of their squares; moves the
// running statistics of `norm`. The variance is mean of squares - square of the mean in float64, where squares of floats are exact:
// with n rows in a segment its relative error is at most
// (n + segments + 4) 2^-53 (1 + mean^2 / variance).
NormTensor norm_of_batch(BatchNorm& norm, const PartialSums& sums, std::int64_t rows);

// Of a norm: gradients by gamma and beta, and the means that the gradient by its input needs, from partial sums [segments][2][C].
struct NormGradients {
  Tensor gamma, beta, means;  // [C], [C], [2, C]

  NormGradients(const PartialSums& sums, std::int64_t C, std::int64_t rows);
  cpu::NormMeans view() const { return {means.data(), means.data() + means.shape()[1]}; }
};

}  // namespace vitrine
