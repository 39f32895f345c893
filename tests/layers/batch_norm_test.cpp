#include "layers/batch_norm.h"

#include "base/error.h"
#include "layers/batch_norm_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase train_case(const std::string& name, const Shape& shape, double eps) {
  const std::int64_t C = shape.back(), rows = shape.elements() / C;
  OpCase c = op_case(
      name, {shape, Shape{C}, Shape{C}},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::batch_norm_forward<T>(rows, C, in[0], in[1], in[2], reference::batch_norm_moments<T>(rows, C, in[0]), eps,
                                         y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::batch_norm_backward<T>(rows, C, in[0], in[1], reference::batch_norm_moments<T>(rows, C, in[0]), eps, true,
                                          dy, d[0], d[1], d[2]);
        return d;
      },
      [=](std::span<const Variable> in) { return batch_norm_train(in[0], in[1], in[2], eps, nullptr); });
  c.backward_ulp = 16;  // dx is a difference of three terms of one size
  return c;
}

OpCase eval_case(const std::string& name, const Shape& shape, double eps, const std::vector<double>& mean,
                 const std::vector<double>& variance) {
  const std::int64_t C = shape.back(), rows = shape.elements() / C;
  const auto floats = [C](const std::vector<double>& v) { return Tensor::from({C}, std::vector<float>(v.begin(), v.end())); };
  return op_case(
      name, {shape, Shape{C}, Shape{C}},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        const reference::Moments<T> m{{mean.begin(), mean.end()}, {variance.begin(), variance.end()}};
        reference::batch_norm_forward<T>(rows, C, in[0], in[1], in[2], m, eps, y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        const reference::Moments<T> m{{mean.begin(), mean.end()}, {variance.begin(), variance.end()}};
        reference::batch_norm_backward<T>(rows, C, in[0], in[1], m, eps, false, dy, d[0], d[1], d[2]);
        return d;
      },
      [=](std::span<const Variable> in) {
        const Device device = in[0].tensor().device();
        return batch_norm_eval(in[0], in[1], in[2], floats(mean).to(device), floats(variance).to(device), eps);
      });
}

std::vector<OpCase> batch_norm_cases() {
  std::vector<double> mean, variance;
  for (int c = 0; c < 19; ++c) {
    mean.push_back(static_cast<double>(static_cast<float>(0.1 * c - 1)));
    variance.push_back(static_cast<double>(static_cast<float>(0.2 + 0.1 * c)));
  }
  return {train_case("rows2", {2, 3}, 1e-3),        train_case("image", {4, 5, 6, 24}, 1e-3),
          train_case("odd", {3, 5, 7, 17}, 1e-5),   train_case("chunks", {2, 33, 35, 5}, 1e-5),
          train_case("wide", {8, 1, 1, 200}, 1e-3), eval_case("eval", {2, 3, 5, 19}, 1e-3, mean, variance)};
}

VITRINE_OP_TESTS(batch_norm, batch_norm_cases());

TEST(BatchNorm, RefusesOneValueAChannelInTraining) {
  EXPECT_THROW(batch_norm_train(Tensor::zeros({1, 1, 1, 4}), Tensor::zeros({4}), Tensor::zeros({4}), 1e-3, nullptr),
               ShapeError);
  EXPECT_THROW(batch_norm_train(Tensor::zeros({2, 4}), Tensor::zeros({3}), Tensor::zeros({4}), 1e-3, nullptr), ShapeError);
}

TEST(BatchNorm, RefusesRunningStatisticsOnAnotherDevice) {
  const Device device = Device::cuda_host();
  const Variable x(Tensor::zeros({2, 3}).to(device)), gamma(Tensor::full({3}, 1.0f).to(device));
  const Tensor there = Tensor::zeros({3}).to(device), here = Tensor::zeros({3});
  EXPECT_THROW(batch_norm_eval(x, gamma, Variable(there), here, there, 1e-3), DeviceError);
  EXPECT_THROW(batch_norm_eval(x, gamma, Variable(there), there, here, 1e-3), DeviceError);
  BatchNorm norm = BatchNorm::identity(3, 1e-3, 0.1);  // whose statistics stay where they are
  norm.gamma.value = norm.gamma.value.to(device);
  norm.beta.value = norm.beta.value.to(device);
  Tape tape;
  EXPECT_THROW(norm.forward(x, Pass::train(tape)), DeviceError);
}

TEST(BatchNorm, TrainingMovesTheRunningStatistics) {
  BatchNorm norm = BatchNorm::identity(2, 1e-3, 0.1);
  const std::vector<float> x = {1, 10, 3, 30};  // channel means 2 and 20, biased variances 1 and 100
  norm.forward(Tensor::from({2, 2}, x), {.mode = Mode::train});
  EXPECT_FLOAT_EQ(norm.running_mean.host()[0], 0.2f);
  EXPECT_FLOAT_EQ(norm.running_mean.host()[1], 2.0f);
  EXPECT_FLOAT_EQ(norm.running_var.host()[0], 0.9f + 0.1f * 2);
  EXPECT_FLOAT_EQ(norm.running_var.host()[1], 0.9f + 0.1f * 200);
}

void check_train_golden(const std::string& name, const Shape& shape, double eps, double forward_ulp, double backward_ulp) {
  VITRINE_REFERENCE_FILE(path, "ops/" + name + ".safetensors");
  const OpCase c = train_case("golden", shape, eps);
  check_golden(path, {"x", "weight", "bias"}, {GoldenLayout::image, GoldenLayout::flat, GoldenLayout::flat},
               GoldenLayout::image, c.forward, c.backward, c.apply, forward_ulp, backward_ulp);
}

TEST(BatchNormGolden, Train) { check_train_golden("batch_norm-train-eps1e-3", {4, 5, 6, 24}, 1e-3, 4, 16); }

// The kernels see x rounded to float32 and are compared with the reference on the same x, so the mean of 1000 costs no digits.
// The reference itself is held to the file: 1e-12 of the largest element.
TEST(BatchNormGolden, LargeMean) { check_train_golden("batch_norm-train-large_mean", {8, 4, 4, 16}, 1e-5, 4, 16); }

TEST(BatchNormGolden, Eval) {
  VITRINE_REFERENCE_FILE(path, "ops/batch_norm-eval-eps1e-5.safetensors");
  const TensorFile file = read_safetensors(path);
  // Running statistics are constants of the op: rounded to float32 as the kernels hold them, which the reference follows.
  const std::vector<double> mean = file.at("in.running_mean").to_double(), variance = file.at("in.running_var").to_double();
  const OpCase exact = eval_case("golden", {4, 5, 6, 24}, 1e-5, mean, variance);
  const OpCase single = eval_case("golden", {4, 5, 6, 24}, 1e-5, rounded_to_float(mean), rounded_to_float(variance));
  const GoldenArray x = golden_array(file.at("in.x"), GoldenLayout::image),
                    y = golden_array(file.at("out"), GoldenLayout::image);
  const std::vector<double> ours = exact.forward({x.values, file.at("in.weight").to_double(), file.at("in.bias").to_double()});
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], y.values[i], 1e-12 * golden_largest(y.values));
  const std::vector<double> rx = rounded_to_float(x.values), rw = rounded_to_float(file.at("in.weight").to_double()),
                            rb = rounded_to_float(file.at("in.bias").to_double());
  const auto tensor = [](const Shape& s, const std::vector<double>& v) {
    return Variable(Tensor::from(s, std::vector<float>(v.begin(), v.end())));
  };
  const Variable leaves[] = {tensor({4, 5, 6, 24}, rx), tensor({24}, rw), tensor({24}, rb)};
  const Tensor kernel = single.apply(leaves).tensor();
  const std::vector<double> truth = single.forward({rx, rw, rb});
  for (std::size_t i = 0; i < truth.size(); ++i) ASSERT_NEAR(kernel.host()[i], truth[i], 4 * 0x1p-23 * golden_largest(truth));
}

}  // namespace
}  // namespace vitrine::testing
