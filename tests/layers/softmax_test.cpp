#include "layers/softmax.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "layers/softmax_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase softmax_case(const std::string& name, const Shape& shape, double scale = 4) {
  const std::int64_t C = shape.back(), rows = shape.elements() / C;
  OpCase c = op_case(
      name, {shape},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::softmax_forward<T>(rows, C, in[0], y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::softmax_backward<T>(rows, C, in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return softmax(in[0]); });
  c.input_scale = scale;
  c.forward_ulp = 5;  // exp is within 2 ulp, and so is the sum
  return c;
}

// One row alone is drawn without a share near 1: dx would cancel, and its bound is by dy.
VITRINE_OP_TESTS(softmax, (std::vector<OpCase>{softmax_case("one_row", {16}, 1), softmax_case("two_classes", {7, 2}),
                                               softmax_case("odd", {5, 33}), softmax_case("three_axes", {3, 4, 15}),
                                               softmax_case("long_rows", {2, 4099}), softmax_case("many_rows", {5000, 3})}));

// python -c "import torch; x = torch.tensor([[1., 2, 3, -1], [100, 0, -100, 99.5]]).requires_grad_(); y = torch.softmax(x, -1)
// y.backward(torch.tensor([[1., -2, 0.5, 3], [2, 1, -1, 0.25]])); print(y.tolist(), x.grad.tolist())"
TEST(Softmax, HasTheValuesOfPyTorch) {
  Tape tape;
  const Variable x = tape.input(Tensor::from({2, 4}, std::vector<float>{1, 2, 3, -1, 100, 0, -100, 99.5f}));
  const Variable y = softmax(x);
  const Tensor dx = tape.backward(y, Tensor::from({2, 4}, std::vector<float>{1, -2, 0.5f, 3, 2, 1, -1, 0.25f})).of(x);
  const float expected[] = {0.08894681f, 0.24178252f, 0.657233f, 0.012037642f, 0.62245935f, 0, 0, 0.37754068f};
  const float expected_dx[] = {0.09160532f, -0.47633845f, 0.3482604f, 0.03647272f, 0.4112565f, 0, 0, -0.4112565f};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(y.tensor().host()[i], expected[i], 2e-7f) << i;
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(dx.host()[i], expected_dx[i], 2e-7f) << i;
}

TEST(Softmax, WhatIsNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  const Variable y = softmax(Tensor::from({3, 3}, std::vector<float>{-inf, 0, 0, inf, 0, 0, -inf, -inf, -inf}));
  const auto values = y.tensor().host();
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 0.5f);
  for (std::size_t i = 3; i < 9; ++i) EXPECT_TRUE(std::isnan(values[i])) << i;
}

TEST(Softmax, RefusesWhatHasNoLastAxis) {
  EXPECT_THROW(softmax(Tensor::zeros(Shape{})), ShapeError);
  EXPECT_THROW(softmax(Tensor::zeros({3, 0})), ShapeError);
  EXPECT_EQ(softmax(Tensor::zeros({0, 3})).shape(), (Shape{0, 3}));
}

}  // namespace
}  // namespace vitrine::testing
