#include "layers/batch_norm.h"

#include <cmath>

#include "autograd/expect_float32.h"
#include "base/error.h"
#include "layers/kernels/pairwise.h"
#include "tensor/isa.h"

namespace vitrine::cuda {
extern const kernels::BatchNormKernels batch_norm_table;
}

namespace vitrine {
namespace kernels {

namespace scalar {
extern const BatchNormKernels batch_norm_table;
}
namespace avx2 {
extern const BatchNormKernels batch_norm_table;
}
namespace avx512 {
extern const BatchNormKernels batch_norm_table;
}

const BatchNormKernels& batch_norm_kernels(Device device) {
  return for_device(device, scalar::batch_norm_table, avx2::batch_norm_table, avx512::batch_norm_table,
                    vitrine::cuda::batch_norm_table);
}

}  // namespace kernels

NormTensor::NormTensor(const Tensor& mean, const Tensor& variance, const Tensor& gamma, double eps)
    : values(Tensor::uninitialized({4, gamma.size()}, gamma.device())) {
  kernels::batch_norm_kernels(gamma.device())
      .constants(mean.data<double>(), variance.data<double>(), gamma.data(), eps, gamma.size(), values.mutable_data());
}

kernels::NormConstants NormTensor::view() const {
  const float* p = values.data();
  const std::int64_t C = values.shape()[1];
  return {p, p + C, p + 2 * C, p + 3 * C};
}

namespace {

Tensor doubles(std::int64_t count, Device device) { return Tensor::uninitialized<double>({count}, device); }

// Room for the partial sums of two quantities.
Tensor scratch_for(std::int64_t rows, std::int64_t C, Device device) {
  return doubles((rows + kChunk - 1) / kChunk * 2 * C, device);
}

// values / divisor in float32, [C] both.
Tensor rounded(const Tensor& values, double divisor) {
  Tensor result = Tensor::uninitialized(values.shape(), values.device());
  kernels::batch_norm_kernels(values.device()).round(values.data<double>(), divisor, values.size(), result.mutable_data());
  return result;
}

struct BatchNormNode final : Node {
  Tensor x;
  NormTensor constants;
  double eps;  // that went into the constants
  bool train;

  BatchNormNode(Tensor input, NormTensor k, double stabiliser, bool in_training)
      : x(std::move(input)), constants(std::move(k)), eps(stabiliser), train(in_training) {}
  std::string_view name() const override { return "batch_norm"; }
  void visit(SavedVisitor& show) const override {
    show("x", x), show("constants", constants.values), show("eps", eps), show("train", train);
  }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const std::int64_t C = x.shape().back(), rows = x.size() / C;
    const Device device = x.device();
    const kernels::BatchNormKernels& kernels = kernels::batch_norm_kernels(device);
    Tensor sum_dy = doubles(C, device), sum_dy_h = doubles(C, device), scratch = scratch_for(rows, C, device);
    kernels.gradient_sums(x.data(), dy.data(), constants.view(), rows, C, scratch.mutable_data<double>(),
                          sum_dy.mutable_data<double>(), sum_dy_h.mutable_data<double>());
    std::vector<Tensor> gradients(3);
    if (wanted[0]) {
      const auto count = static_cast<double>(rows);
      const Tensor mean_dy = rounded(sum_dy, count), mean_dy_h = rounded(sum_dy_h, count);
      gradients[0] = Tensor::uninitialized(x.shape(), device);
      kernels.backward(x.data(), dy.data(), constants.view(), train ? mean_dy.data() : nullptr, mean_dy_h.data(), rows, C,
                       gradients[0].mutable_data());
    }
    gradients[1] = rounded(sum_dy_h, 1.0);
    gradients[2] = rounded(sum_dy, 1.0);
    return gradients;
  }
};

void check(const Variable& x, const Variable& gamma, const Variable& beta) {
  const Variable inputs[] = {x, gamma, beta};
  expect_float32("batch_norm", inputs);
  const Shape& s = x.shape();
  if (s.rank() < 2 || s.back() < 1 || s.elements() < 1)
    throw ShapeError(text("batch_norm: x is ", s.text(), ", expected [..., C] with at least one row"));
  const Shape channels{s.back()};
  if (!(gamma.shape() == channels) || !(beta.shape() == channels)) {
    throw ShapeError(text("batch_norm: x has ", s.back(), " channels but gamma is ", gamma.shape().text(), " and beta ",
                          beta.shape().text()));
  }
}

Variable normalized(const Variable& x, const Variable& gamma, const Variable& beta, NormTensor constants, double eps,
                    bool train) {
  const std::int64_t C = x.shape().back();
  Tensor y = Tensor::uninitialized(x.shape(), x.tensor().device());
  kernels::batch_norm_kernels(y.device())
      .normalize(x.tensor().data(), constants.view(), beta.tensor().data(), y.size() / C, C, y.mutable_data());
  const Variable inputs[] = {x, gamma, beta};
  return record<BatchNormNode>(std::move(y), inputs, x.tensor(), std::move(constants), eps, train);
}

void move(Tensor& running, const Tensor& batch, double momentum, double factor) {
  expect_device("batch_norm", "a running statistic", running, batch.device());
  const StatisticMove to(running);
  kernels::batch_norm_kernels(running.device()).track(batch.data(), factor, momentum, running.size(), to.before, to.after);
}

}  // namespace

Variable batch_norm_train(const Variable& x, const Variable& gamma, const Variable& beta, double eps,
                          BatchStatistics* statistics) {
  check(x, gamma, beta);
  const std::int64_t C = x.shape().back(), rows = x.tensor().size() / C;
  if (rows < 2) {
    throw ShapeError(
        text("batch_norm: in training a channel has one value (x ", x.shape().text(), "); use a larger batch or image"));
  }
  const Device device = x.tensor().device();
  Tensor mean = doubles(C, device), variance = doubles(C, device), scratch = scratch_for(rows, C, device);
  double* const room = scratch.mutable_data<double>();
  const kernels::BatchNormKernels& kernels = kernels::batch_norm_kernels(device);
  kernels.mean(x.tensor().data(), rows, C, room, mean.mutable_data<double>());
  kernels.variance(x.tensor().data(), mean.data<double>(), rows, C, room, variance.mutable_data<double>());
  if (statistics != nullptr) *statistics = {rounded(mean, 1.0), rounded(variance, 1.0), rows};
  return normalized(x, gamma, beta, NormTensor(mean, variance, gamma.tensor(), eps), eps, true);
}

Variable batch_norm_eval(const Variable& x, const Variable& gamma, const Variable& beta, const Tensor& running_mean,
                         const Tensor& running_var, double eps) {
  check(x, gamma, beta);
  if (!(running_mean.shape() == gamma.shape()) || !(running_var.shape() == gamma.shape())) {
    throw ShapeError(text("batch_norm: running statistics are ", running_mean.shape().text(), " and ",
                          running_var.shape().text(), ", expected ", gamma.shape().text()));
  }
  const std::int64_t C = gamma.tensor().size();
  const Device device = gamma.tensor().device();
  expect_device("batch_norm", "the running mean", running_mean, device);
  expect_device("batch_norm", "the running variance", running_var, device);
  Tensor mean = doubles(C, device), variance = doubles(C, device);
  const kernels::BatchNormKernels& kernels = kernels::batch_norm_kernels(device);
  kernels.widen(running_mean.data(), C, mean.mutable_data<double>());
  kernels.widen(running_var.data(), C, variance.mutable_data<double>());
  return normalized(x, gamma, beta, NormTensor(mean, variance, gamma.tensor(), eps), eps, false);
}

BatchNorm BatchNorm::identity(std::int64_t channels, double eps, double momentum) {
  return {{Tensor::full({channels}, 1.0f)},
          {Tensor::zeros({channels})},
          Tensor::zeros({channels}),
          Tensor::full({channels}, 1.0f),
          eps,
          momentum};
}

StatisticMove::StatisticMove(Tensor& running) : kept(running.is_sole_owner() ? Tensor() : running) {
  if (kept.defined()) running = Tensor::uninitialized(kept.shape(), kept.device());
  after = running.mutable_data();
  before = kept.defined() ? kept.data() : after;
}

void BatchNorm::track(const BatchStatistics& batch) {
  const auto count = static_cast<double>(batch.count);
  move(running_mean, batch.mean, momentum, 1.0);
  move(running_var, batch.variance, momentum, count / (count - 1));
}

Variable BatchNorm::forward(const Variable& x, const Pass& pass) {
  if (pass.mode == Mode::eval)
    return batch_norm_eval(x, pass.parameter(gamma), pass.parameter(beta), running_mean, running_var, eps);
  BatchStatistics batch;
  Variable y = batch_norm_train(x, pass.parameter(gamma), pass.parameter(beta), eps, &batch);
  track(batch);
  return y;
}

}  // namespace vitrine
