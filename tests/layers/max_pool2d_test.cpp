#include "layers/max_pool2d.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "layers/max_pool2d_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase max_pool_case(const std::string& name, const Shape& x, const PoolOptions& options) {
  const ConvShape z = pool_shape("max_pool2d", x, options);
  OpCase c = op_case(
      name, {x},
      [z]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(z.N * z.P * z.Q * z.C));
        reference::max_pool2d_forward<T>(z, in[0], y);
        return y;
      },
      [z]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::max_pool2d_backward<T>(z, in[0], dy, dx[0]);
        return dx;
      },
      [options](std::span<const Variable> in) { return max_pool2d(in[0], options); });
  c.same_bits_as_float_reference = true;
  return c;
}

VITRINE_OP_TESTS(max_pool2d,
                 (std::vector<OpCase>{
                     max_pool_case("w2", {2, 6, 8, 9}, {}), max_pool_case("left_over", {1, 7, 5, 17}, {}),
                     max_pool_case("w3_s2_p1", {2, 9, 6, 33}, {3, 2, 1}),
                     max_pool_case("overlapping", {1, 6, 7, 16}, {3, 1, 1}), max_pool_case("gaps", {1, 11, 9, 5}, {2, 3, 0}),
                     max_pool_case("window_larger_than_the_image", {2, 1, 2, 3}, {4, 1, 2}),
                     max_pool_case("one", {1, 1, 1, 1}, {1}), max_pool_case("w5_s3_p2", {3, 13, 10, 70}, {5, 3, 2})}));

// python -c "import torch; x=torch.tensor([1.,3,3,2,3,3,0,1,5,4,5,5,5,5,4,2]).reshape(1,1,4,4).requires_grad_()
// y=torch.nn.functional.max_pool2d(x,3,1,1); y.backward(torch.arange(1.,17).reshape(1,1,4,4)); print(y.tolist(), x.grad.tolist())"
TEST(MaxPool2d, OfEqualValuesTheFirstHasTheGradientAsInPyTorch) {
  Tape tape;
  const Variable x = tape.input(Tensor::from({1, 4, 4, 1}, std::vector<float>{1, 3, 3, 2, 3, 3, 0, 1, 5, 4, 5, 5, 5, 5, 4, 2}));
  const Variable y = max_pool2d(x, {3, 1, 1});
  std::vector<float> dy(16);
  for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = static_cast<float>(i + 1);
  const Gradients gradients = tape.backward(y, Tensor::from(y.shape(), dy));
  EXPECT_EQ(std::vector<float>(y.tensor().host().begin(), y.tensor().host().end()),
            (std::vector<float>{3, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}));
  const auto dx = gradients.of(x).host();
  EXPECT_EQ(std::vector<float>(dx.begin(), dx.end()), (std::vector<float>{0, 6, 4, 0, 0, 0, 0, 0, 57, 0, 69, 0, 0, 0, 0, 0}));
}

TEST(MaxPool2d, TheFirstNanOfAWindowIsItsMaximum) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tape tape;
  const Variable x = tape.input(Tensor::from({1, 2, 2, 1}, std::vector<float>{9, nan, nan, 1}));
  const Variable y = max_pool2d(x);
  EXPECT_TRUE(std::isnan(y.tensor().host()[0]));
  const Tensor dx = tape.backward(y, Tensor::full(y.shape(), 7)).of(x);
  EXPECT_EQ(std::vector<float>(dx.host().begin(), dx.host().end()), (std::vector<float>{0, 7, 0, 0}));
}

TEST(MaxPool2d, MinusInfinityIsAValueLikeOthers) {
  const float low = -std::numeric_limits<float>::infinity();
  Tape tape;
  const Variable x = tape.input(Tensor::full({1, 2, 2, 1}, low));
  const Variable y = max_pool2d(x, {3, 2, 1});
  EXPECT_EQ(y.tensor().host()[0], low);
  const Tensor dx = tape.backward(y, Tensor::full(y.shape(), 1)).of(x);
  EXPECT_EQ(dx.host()[0], 1);
}

TEST(MaxPool2d, RefusesWhatDoesNotFitNamingShapeAndWindow) {
  try {
    max_pool2d(Tensor::zeros({1, 2, 5, 1}), {3});
    FAIL() << "a window beyond the image was taken";
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "max_pool2d: x is [1, 2, 5, 1], expected [N, H, W, C] with room for a window of 3 x 3 with padding 0");
  }
  EXPECT_THROW(max_pool2d(Tensor::zeros({4, 4, 1})), ShapeError);
  EXPECT_THROW(max_pool2d(Tensor::zeros({0, 4, 4, 1})), ShapeError);
  for (const PoolOptions& options :
       {PoolOptions{0}, PoolOptions{2, -1}, PoolOptions{2, 1, -1}, PoolOptions{3, 1, 2}, PoolOptions{kLargestWindow + 1}})
    EXPECT_THROW(max_pool2d(Tensor::zeros({1, 9, 9, 1}), options), UsageError);
}

}  // namespace
}  // namespace vitrine::testing
