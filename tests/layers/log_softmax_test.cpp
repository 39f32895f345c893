#include "layers/log_softmax.h"

#include <cmath>

#include "base/error.h"
#include "layers/log_softmax_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase log_softmax_case(const std::string& name, const Shape& shape) {
  const std::int64_t C = shape.back(), rows = shape.elements() / C;
  OpCase c = op_case(
      name, {shape},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::log_softmax_forward<T>(rows, C, in[0], y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::log_softmax_backward<T>(rows, C, in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return log_softmax(in[0]); });
  c.input_scale = 4;
  return c;
}

VITRINE_OP_TESTS(log_softmax,
                 (std::vector<OpCase>{log_softmax_case("one_row", {16}), log_softmax_case("two_classes", {7, 2}),
                                      log_softmax_case("odd", {5, 33}), log_softmax_case("three_axes", {3, 4, 15}),
                                      log_softmax_case("long_rows", {2, 4099}), log_softmax_case("many_rows", {5000, 3})}));

// python -c "import torch; x = torch.tensor([[1., 2, 3, -1], [100, 0, -100, 99.5]]).requires_grad_(); y = torch.log_softmax(x, -1)
// y.backward(torch.tensor([[1., -2, 0.5, 3], [2, 1, -1, 0.25]])); print(y.tolist(), x.grad.tolist())"
TEST(LogSoftmax, HasTheValuesOfPyTorch) {
  Tape tape;
  const Variable x = tape.input(Tensor::from({2, 4}, std::vector<float>{1, 2, 3, -1, 100, 0, -100, 99.5f}));
  const Variable y = log_softmax(x);
  const Tensor dx = tape.backward(y, Tensor::from({2, 4}, std::vector<float>{1, -2, 0.5f, 3, 2, 1, -1, 0.25f})).of(x);
  const float expected[] = {-2.4197166f, -1.4197166f,  -0.4197166f, -4.419717f,
                            -0.474077f,  -100.474075f, -200.47408f, -0.974077f};
  const float expected_dx[] = {0.777633f, -2.6044564f, -1.1430825f, 2.9699059f, 0.59946644f, 1, -1, -0.5994665f};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(y.tensor().host()[i], expected[i]) << i;
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(dx.host()[i], expected_dx[i], 5e-7f) << i;
}

// -log(1 + e^-10): by the logarithm of a share rounded to float32 only three digits of it would be left.
TEST(LogSoftmax, KeepsTheDigitsOfAShareNearOne) {
  const Variable y = log_softmax(Tensor::from({1, 2}, std::vector<float>{10, 0}));
  EXPECT_NEAR(static_cast<double>(y.tensor().host()[0]) / -std::log1p(std::exp(-10.0)), 1, 4e-7);
  EXPECT_FLOAT_EQ(y.tensor().host()[1], -10.0000454f);
}

TEST(LogSoftmax, RefusesWhatHasNoLastAxis) {
  EXPECT_THROW(log_softmax(Tensor::zeros(Shape{})), ShapeError);
  EXPECT_THROW(log_softmax(Tensor::zeros({3, 0})), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
