#include "layers/average_pool2d.h"

#include "base/error.h"
#include "layers/average_pool2d_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase average_pool_case(const std::string& name, const Shape& x, const PoolOptions& options, bool counted) {
  const ConvShape z = pool_shape("average_pool2d", x, options);
  OpCase c = op_case(
      name, {x},
      [z, counted]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(z.N * z.P * z.Q * z.C));
        reference::average_pool2d_forward<T>(z, counted, in[0], y);
        return y;
      },
      [z, counted]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::average_pool2d_backward<T>(z, counted, dy, dx[0]);
        return dx;
      },
      [options, counted](std::span<const Variable> in) { return average_pool2d(in[0], options, counted); });
  c.same_bits_as_float_reference = true;
  return c;
}

VITRINE_OP_TESTS(average_pool2d,
                 (std::vector<OpCase>{average_pool_case("w2", {2, 6, 8, 9}, {}, true),
                                      average_pool_case("left_over", {1, 7, 5, 17}, {}, true),
                                      average_pool_case("w3_s2_p1", {2, 9, 6, 33}, {3, 2, 1}, true),
                                      average_pool_case("w3_s2_p1_pixels_only", {2, 9, 6, 33}, {3, 2, 1}, false),
                                      average_pool_case("overlapping_pixels_only", {1, 6, 7, 16}, {3, 1, 1}, false),
                                      average_pool_case("gaps", {1, 11, 9, 5}, {2, 3, 0}, true),
                                      average_pool_case("window_larger_than_the_image", {2, 1, 2, 3}, {4, 1, 2}, false),
                                      average_pool_case("one", {1, 1, 1, 1}, {1}, true),
                                      average_pool_case("w5_s3_p2", {3, 13, 10, 70}, {5, 3, 2}, true)}));

// python -c "import torch
// for c in (True, False):
//   x = torch.arange(1., 17).reshape(1, 1, 4, 4).requires_grad_(); y = torch.nn.functional.avg_pool2d(x, 3, 2, 1, count_include_pad=c)
//   y.backward(torch.arange(1., 5).reshape(1, 1, 2, 2) * 36); print(y.tolist(), x.grad.tolist())"
TEST(AveragePool2d, CountsThePaddingOrNotAsPyTorch) {
  const auto check = [](bool counted, const std::vector<float>& expected, const std::vector<float>& expected_dx) {
    std::vector<float> values(16);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
    Tape tape;
    const Variable x = tape.input(Tensor::from({1, 4, 4, 1}, values));
    const Variable y = average_pool2d(x, {3, 2, 1}, counted);
    ASSERT_EQ(y.shape(), (Shape{1, 2, 2, 1}));
    for (std::size_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(y.tensor().host()[i], expected[i]);
    const Tensor dx = tape.backward(y, Tensor::from(y.shape(), std::vector<float>{36, 72, 108, 144})).of(x);
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(dx.host()[i], expected_dx[i]) << i;
  };
  check(true, {1.5555556f, 3.3333333f, 6.3333335f, 11}, {4, 12, 8, 8, 16, 40, 24, 24, 12, 28, 16, 16, 12, 28, 16, 16});
  check(false, {3.5f, 5, 9.5f, 11}, {9, 21, 12, 12, 27, 55, 28, 28, 18, 34, 16, 16, 18, 34, 16, 16});
}

TEST(AveragePool2d, RefusesWhatDoesNotFit) {
  EXPECT_THROW(average_pool2d(Tensor::zeros({1, 2, 5, 1}), {3}), ShapeError);
  EXPECT_THROW(average_pool2d(Tensor::zeros({5, 5}), {3}), ShapeError);
  EXPECT_THROW(average_pool2d(Tensor::zeros({1, 9, 9, 1}), {3, 1, 2}), UsageError);
}

}  // namespace
}  // namespace vitrine::testing
