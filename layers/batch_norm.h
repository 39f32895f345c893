// Batch normalisation: every channel is brought to mean 0 and variance 1, then scaled and shifted.
//
// Forward    mu_c = mean of x over rows,  v_c = mean of (x - mu_c)^2,  h = (x - mu_c) / sqrt(v_c + eps),  y = gamma_c h + beta_c
//            train: mu, v of the batch; eval: running statistics
// Backward   dbeta = sum dy,  dgamma = sum dy h
//            train: dx = gamma / sqrt(v + eps) * (dy - dbeta / m - h dgamma / m), m rows
//            eval:  dx = gamma / sqrt(v + eps) * dy
//            from dmu = -sum dh / sqrt(v + eps) and dv = -1/2 sum dh (x - mu) (v + eps)^(-3/2), put into dx and collected
// Shapes     x, y [..., C] (rows = size / C), gamma, beta [C]
// Saved      x, gamma, mean and deviation
// Numerics   all sums over rows in float64: chunks of 1,024 rows, rows ascending, joined by the tree of layers/kernels/pairwise.h. Two passes:
//            the mean first, then squared distances from it. x - mu is taken as (x - high) - low with mu = high + low in float32,
//            so a large mean costs no digits. gamma / sqrt(v + eps) is computed in float64 and rounded once.
//            Bounds, u = 2^-24, n rows: constants u |constant| and the float64 sums' part, 2 (n + 2) 2^-53 mean |x| for mu and, with (v + eps)^(-1/2)
//            taken at both ends, 2 (n + 6) 2^-53 v and the square of mu's for v; the low part from the high one as it was rounded. y, from the constants: two differences and
//            an fma, u |x - high| and u |x - mu|, both times |scale|, and u |y|. dgamma, dbeta: sum |dy| (bound of h) + u |dgamma| with h = x - mu and
//            one more product; dx: one rounding for each of dy - a, the fma and the last product, with the bounds of h and of the rounded means
//            a = dbeta / n, dgamma / n carried through (layers/norm_bound.h). eval: the constants come from what is not on the tape; dx rounded once
// Requires   gamma, beta [C]; in training at least two rows (checked: ShapeError)
// Differs    from torch.nn.BatchNorm2d: nothing; running variance is the unbiased one, momentum is the weight of the new batch
// Reference  Ioffe, Szegedy 2015, arXiv:1502.03167, alg. 1 and sec. 3
#pragma once

#include <cstdint>
#include <span>

#include "autograd/tape.h"
#include "layers/kernels/norm_constants.h"
#include "layers/pass.h"

namespace vitrine {

struct BatchStatistics {
  Tensor mean, variance;   // [C]; the variance is the biased one, divided by count
  std::int64_t count = 0;  // rows
};

// What normalising C channels takes: mean as high + low part, 1 / sqrt(v + eps), gamma / sqrt(v + eps); each computed in float64 and
// rounded once. One tensor [4, C] that a node keeps.
struct NormTensor {
  Tensor values;

  NormTensor() = default;
  NormTensor(const Tensor& mean, const Tensor& variance, const Tensor& gamma, double eps);  // [C], mean and variance in float64
  kernels::NormConstants view() const;
};

// `statistics` may be null.
Variable batch_norm_train(const Variable& x, const Variable& gamma, const Variable& beta, double eps,
                          BatchStatistics* statistics);
Variable batch_norm_eval(const Variable& x, const Variable& gamma, const Variable& beta, const Tensor& running_mean,
                         const Tensor& running_var, double eps);

// Memory of a running statistic before and after a step: the same where nobody shares it, as a recorded step must find it where it was;
// else `running` gets a new tensor.
struct StatisticMove {
  Tensor kept;
  const float* before;
  float* after;

  explicit StatisticMove(Tensor& running);
};

struct BatchNorm {
  Parameter gamma, beta;
  Tensor running_mean, running_var;
  double eps = 1e-5;
  double momentum = 0.1;  // running = (1 - momentum) running + momentum batch

  // Moves the running statistics towards those of a batch; the running variance is the unbiased one.
  void track(const BatchStatistics& batch);

  static BatchNorm identity(std::int64_t channels, double eps, double momentum);  // gamma 1, beta 0, running 0 and 1
  Variable forward(const Variable& x, const Pass& pass);                          // train also updates the running statistics
};

namespace kernels {

struct BatchNormKernels {
  // scratch: partial sums, 2 * C * chunks doubles.
  void (*mean)(const float* x, std::int64_t rows, std::int64_t C, double* scratch, double* mean);
  void (*variance)(const float* x, const double* mean, std::int64_t rows, std::int64_t C, double* scratch, double* variance);
  void (*constants)(const double* mean, const double* variance, const float* gamma, double eps, std::int64_t C, float* out);
  void (*round)(const double* values, double divisor, std::int64_t n, float* out);  // out = values / divisor
  void (*widen)(const float* values, std::int64_t n, double* out);
  // running = (1 - momentum) before + momentum batch factor; running may be before
  void (*track)(const float* batch, double factor, double momentum, std::int64_t C, const float* before, float* running);
  void (*normalize)(const float* x, const NormConstants& k, const float* beta, std::int64_t rows, std::int64_t C, float* y);
  void (*gradient_sums)(const float* x, const float* dy, const NormConstants& k, std::int64_t rows, std::int64_t C,
                        double* scratch, double* sum_dy, double* sum_dy_h);
  // dx = scale * (dy - mean_dy - h * mean_dy_h); null means for eval mode.
  void (*backward)(const float* x, const float* dy, const NormConstants& k, const float* mean_dy, const float* mean_dy_h,
                   std::int64_t rows, std::int64_t C, float* dx);
};
const BatchNormKernels& batch_norm_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine
