// Sums over rows in float64, and what batch normalisation makes of them: shared by the fused ops.
#pragma once

#include "layers/batch_norm.h"

namespace vitrine {

namespace kernels {

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
VITRINE_HD static inline double sum_of_segments(const BatchSums& s, std::int64_t i) {
  return sum_of_segments(s.partial, s.segments, 2 * s.C, i);
}

// What normalising by a batch makes of the sums of its values and of their squares: the constants [4, C], and the running statistics.
struct NormResult {
  const float* gamma;
  double eps;
  RunningStatistics running;
  float* constants;
};
VITRINE_HD static inline void norm_of_channel(const NormResult& to, std::int64_t rows_of_batch, std::int64_t C, std::int64_t c,
                                              double sum, double sum_of_squares) {
  const auto rows = static_cast<double>(rows_of_batch);
  const double mean = sum / rows, raw_variance = sum_of_squares / rows - mean * mean;
  const double variance = raw_variance > 0.0 ? raw_variance : 0.0;
  const RunningStatistics& r = to.running;
  r.moved_mean[c] = moved_statistic(r.mean[c], static_cast<float>(mean), 1.0, r.momentum);
  r.moved_variance[c] = moved_statistic(r.variance[c], static_cast<float>(variance), rows / (rows - 1), r.momentum);
  set_norm_constants(mean, variance, to.gamma[c], to.eps, to.constants + c, C);
}

// Of sums of g and g h: the gradients by gamma and beta [C], and their means [2, C].
struct NormGradientResult {
  float *gamma, *beta, *means;
};
VITRINE_HD static inline void norm_gradients_of_channel(const NormGradientResult& to, std::int64_t rows_of_batch,
                                                        std::int64_t C, std::int64_t c, double sum, double sum_h) {
  const auto rows = static_cast<double>(rows_of_batch);
  to.beta[c] = static_cast<float>(sum);
  to.gamma[c] = static_cast<float>(sum_h);
  to.means[c] = static_cast<float>(sum / rows);
  to.means[C + c] = static_cast<float>(sum_h / rows);
}

// Where a kernel's two sums over rows go: to partial [segments][2][C]; or, where `whole`, straight into the result, as kernels of a CUDA
// device can in the run-to-run tier, whose segment is the whole batch.
struct NormTarget {
  double* partial;
  bool whole;
  std::int64_t rows;
  NormResult result;
};
struct NormGradientTarget {
  double* partial;
  bool whole;
  std::int64_t rows;
  NormGradientResult result;
};

struct NormSumsKernels {
  void (*of_batch)(const BatchSums& s, const NormResult& to);
  void (*gradients)(const BatchSums& s, const NormGradientResult& to);
  // out [rows, columns], or [columns, rows] where transposed, = the sum over segments of partial [segments][rows][columns]
  void (*weights)(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
                  float* out);
};
const NormSumsKernels& norm_sums_kernels(Device device);

// Kernels of this device sum over the whole batch at once: one segment is enough.
bool sums_whole_batches(Device device);

// Means over all rows of the gradient by a normalised value, and of its product with that value.
struct NormMeans {
  const float *g = nullptr, *gh = nullptr;
};

}  // namespace kernels

// Partial sums [segments][quantities][channels] in float64.
class PartialSums {
 public:
  PartialSums(std::int64_t segments, std::int64_t quantities, std::int64_t channels, Device device);

  double* data() { return data_; }
  kernels::BatchSums over(std::int64_t rows) const { return {data_, segments_, channels_, rows}; }
  Device device() const { return room_.device(); }
  // The sums of all devices that train together, one device after the other; these alone where there is one.
  PartialSums of_all_devices() const;

 private:
  std::int64_t segments_, channels_;
  Tensor room_;
  double* data_;
};

// Batch statistics on their way: a kernel sums into `target`, `result` is what normalising takes then; the running statistics of `norm`
// have moved. The variance is mean of squares - square of the mean in float64, where squares of floats are exact: with n rows in a
// segment its relative error is at most (n + segments + 4) 2^-53 (1 + mean^2 / variance): what the shadows of the constants allow (layers/norm_bound.h).
class NormOfBatch {
 public:
  NormOfBatch(BatchNorm& norm, std::int64_t segments, std::int64_t rows, Device device);
  const kernels::NormTarget& target() const { return target_; }
  NormTensor result();

 private:
  StatisticMove mean_, variance_;
  PartialSums sums_;
  NormTensor constants_;
  kernels::NormTarget target_;
};

// The same for a norm's gradients: by gamma and beta, and the means that the gradient by its input needs.
class NormGradients {
 public:
  NormGradients(std::int64_t segments, std::int64_t C, std::int64_t rows, Device device);
  const kernels::NormGradientTarget& target() const { return target_; }
  void finish();  // after the kernel that sums
  kernels::NormMeans means() const { return {means_.data(), means_.data() + means_.shape()[1]}; }

  Tensor gamma, beta;  // [C]

 private:
  Tensor means_;  // [2, C]
  PartialSums sums_;
  kernels::NormGradientTarget target_;
};

}  // namespace vitrine
