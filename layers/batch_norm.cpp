#include "layers/batch_norm.h"

#include <cmath>

#include "base/error.h"
#include "layers/pairwise.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const BatchNormKernels batch_norm_table;
}
namespace avx2 {
extern const BatchNormKernels batch_norm_table;
}
namespace avx512 {
extern const BatchNormKernels batch_norm_table;
}

const BatchNormKernels& batch_norm_kernels() {
  return for_this_machine(scalar::batch_norm_table, avx2::batch_norm_table, avx512::batch_norm_table);
}

}  // namespace cpu

NormTensor::NormTensor(std::span<const double> mean, std::span<const double> variance, const Tensor& gamma, double eps)
    : values(Tensor::uninitialized({4, static_cast<std::int64_t>(mean.size())})) {
  const auto out = values.mutable_host();
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double inverse = 1.0 / std::sqrt(variance[c] + eps);
    out[c] = static_cast<float>(mean[c]);
    out[mean.size() + c] = static_cast<float>(mean[c] - static_cast<double>(out[c]));
    out[2 * mean.size() + c] = static_cast<float>(inverse);
    out[3 * mean.size() + c] = static_cast<float>(static_cast<double>(gamma.host()[c]) * inverse);
  }
}

cpu::NormConstants NormTensor::view() const {
  const float* p = values.host().data();
  const std::int64_t C = values.shape()[1];
  return {p, p + C, p + 2 * C, p + 3 * C};
}

namespace {

// Room for the partial sums of two quantities, as doubles in a float tensor.
double* scratch_of(Tensor& room, std::int64_t rows, std::int64_t C) {
  room = Tensor::uninitialized({(rows + kChunk - 1) / kChunk, 2 * C, 2});
  return reinterpret_cast<double*>(room.mutable_host().data());
}

struct BatchNormNode final : Node {
  Tensor x;
  NormTensor constants;
  bool train;

  BatchNormNode(Tensor input, NormTensor k, bool in_training)
      : x(std::move(input)), constants(std::move(k)), train(in_training) {}
  std::string_view name() const override { return "batch_norm"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted& wanted) const override {
    const std::int64_t C = x.shape().back(), rows = x.size() / C;
    const auto channels = static_cast<std::size_t>(C);
    const cpu::BatchNormKernels& kernels = cpu::batch_norm_kernels();
    std::vector<double> sum_dy(channels), sum_dy_h(channels);
    Tensor room;
    kernels.gradient_sums(x.host().data(), dy.host().data(), constants.view(), rows, C, scratch_of(room, rows, C),
                          sum_dy.data(), sum_dy_h.data());
    std::vector<Tensor> gradients(3);
    if (wanted[0]) {
      std::vector<float> mean_dy(channels), mean_dy_h(channels);
      for (std::size_t c = 0; c < channels; ++c) {
        mean_dy[c] = static_cast<float>(sum_dy[c] / static_cast<double>(rows));
        mean_dy_h[c] = static_cast<float>(sum_dy_h[c] / static_cast<double>(rows));
      }
      gradients[0] = Tensor::uninitialized(x.shape());
      kernels.backward(x.host().data(), dy.host().data(), constants.view(), train ? mean_dy.data() : nullptr, mean_dy_h.data(),
                       rows, C, gradients[0].mutable_host().data());
    }
    gradients[1] = rounded(sum_dy_h);
    gradients[2] = rounded(sum_dy);
    return gradients;
  }

  static Tensor rounded(const std::vector<double>& values) {
    return Tensor::from({static_cast<std::int64_t>(values.size())}, std::vector<float>(values.begin(), values.end()));
  }
};

void check(const Variable& x, const Variable& gamma, const Variable& beta) {
  const Shape& s = x.shape();
  if (s.rank() < 2 || s.back() < 1 || s.elements() < 1)
    throw ShapeError(text("batch_norm: x is ", s.text(), ", expected [..., C] with at least one row"));
  const Shape channels{s.back()};
  if (!(gamma.shape() == channels) || !(beta.shape() == channels)) {
    throw ShapeError(text("batch_norm: x has ", s.back(), " channels but gamma is ", gamma.shape().text(), " and beta ",
                          beta.shape().text()));
  }
}

Variable normalized(const Variable& x, const Variable& gamma, const Variable& beta, NormTensor constants, bool train) {
  const std::int64_t C = x.shape().back();
  Tensor y = Tensor::uninitialized(x.shape());
  cpu::batch_norm_kernels().normalize(x.tensor().host().data(), constants.view(), beta.tensor().host().data(), y.size() / C, C,
                                      y.mutable_host().data());
  const Variable inputs[] = {x, gamma, beta};
  return record<BatchNormNode>(std::move(y), inputs, x.tensor(), std::move(constants), train);
}

Tensor float_tensor(const std::vector<double>& v) { return BatchNormNode::rounded(v); }

// running = (1 - momentum) running + momentum * value * factor
Tensor moved(const Tensor& running, const Tensor& value, double momentum, double factor) {
  Tensor result = Tensor::uninitialized(running.shape());
  const auto out = result.mutable_host();
  for (std::size_t c = 0; c < out.size(); ++c) {
    const double old = static_cast<double>(running.host()[c]), now = static_cast<double>(value.host()[c]) * factor;
    out[c] = static_cast<float>((1 - momentum) * old + momentum * now);
  }
  return result;
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
  std::vector<double> mean(static_cast<std::size_t>(C)), variance(mean.size());
  Tensor room;
  double* scratch = scratch_of(room, rows, C);
  const cpu::BatchNormKernels& kernels = cpu::batch_norm_kernels();
  kernels.mean(x.tensor().host().data(), rows, C, scratch, mean.data());
  kernels.variance(x.tensor().host().data(), mean.data(), rows, C, scratch, variance.data());
  if (statistics != nullptr) *statistics = {float_tensor(mean), float_tensor(variance), rows};
  return normalized(x, gamma, beta, NormTensor(mean, variance, gamma.tensor(), eps), true);
}

Variable batch_norm_eval(const Variable& x, const Variable& gamma, const Variable& beta, const Tensor& running_mean,
                         const Tensor& running_var, double eps) {
  check(x, gamma, beta);
  if (!(running_mean.shape() == gamma.shape()) || !(running_var.shape() == gamma.shape())) {
    throw ShapeError(text("batch_norm: running statistics are ", running_mean.shape().text(), " and ",
                          running_var.shape().text(), ", expected ", gamma.shape().text()));
  }
  const std::vector<double> mean(running_mean.host().begin(), running_mean.host().end());
  const std::vector<double> variance(running_var.host().begin(), running_var.host().end());
  return normalized(x, gamma, beta, NormTensor(mean, variance, gamma.tensor(), eps), false);
}

BatchNorm BatchNorm::identity(std::int64_t channels, double eps, double momentum) {
  return {{Tensor::full({channels}, 1.0f)},
          {Tensor::zeros({channels})},
          Tensor::zeros({channels}),
          Tensor::full({channels}, 1.0f),
          eps,
          momentum};
}

void BatchNorm::track(const BatchStatistics& batch) {
  const auto count = static_cast<double>(batch.count);
  running_mean = moved(running_mean, batch.mean, momentum, 1.0);
  running_var = moved(running_var, batch.variance, momentum, count / (count - 1));
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
