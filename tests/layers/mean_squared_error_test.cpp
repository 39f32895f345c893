#include "layers/mean_squared_error.h"

#include "base/error.h"
#include "layers/kernels/pairwise.h"
#include "layers/mean_squared_error_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

static_assert(kernels::kErrorChunk == kChunk);

OpCase error_case(const std::string& name, const Shape& shape) {
  OpCase c = op_case(
      name, {shape, shape},
      []<class T>(const Arrays<T>& in) { return std::vector<T>{reference::mean_squared_error_forward<T>(in[0], in[1])}; },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::mean_squared_error_backward<T>(in[0], in[1], dy[0], d[0], d[1]);
        return d;
      },
      [](std::span<const Variable> in) { return mean_squared_error(in[0], in[1]); });
  c.forward_ulp = c.backward_ulp = 1;
  return c;
}

VITRINE_OP_TESTS(mean_squared_error, (std::vector<OpCase>{error_case("one", {1}), error_case("odd", {3, 11}),
                                                          error_case("a_chunk", {1024}), error_case("two_chunks", {1025}),
                                                          error_case("images", {3, 21, 23, 5}), error_case("long", {40000})}));

// python -c "import torch; x = torch.tensor([0.5, -1, 2, 3.25]).requires_grad_(); t = torch.tensor([1., 1, -0.5, 3])
// y = torch.nn.functional.mse_loss(x, t); (3 * y).backward(); print(y.item(), x.grad.tolist())"
TEST(MeanSquaredError, HasTheValuesOfPyTorch) {
  Tape tape;
  const Variable x = tape.input(Tensor::from({2, 2}, std::vector<float>{0.5f, -1, 2, 3.25f}));
  const Variable loss = mean_squared_error(x, Tensor::from({2, 2}, std::vector<float>{1, 1, -0.5f, 3}));
  EXPECT_EQ(loss.shape(), Shape{});
  EXPECT_EQ(loss.tensor().host()[0], 2.640625f);
  const Tensor dx = tape.backward(loss, Tensor::full(Shape{}, 3)).of(x);
  EXPECT_EQ(std::vector<float>(dx.host().begin(), dx.host().end()), (std::vector<float>{-0.75f, -3, 3.75f, 0.375f}));
}

TEST(MeanSquaredError, RefusesUnequalShapesAndNothing) {
  try {
    mean_squared_error(Tensor::zeros({4, 1}), Tensor::zeros({4}));
    FAIL() << "shapes that PyTorch would broadcast were taken";
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(), "mean_squared_error: x is [4, 1] but the target is [4]; they must be equal and not empty");
  }
  EXPECT_THROW(mean_squared_error(Tensor::zeros({0}), Tensor::zeros({0})), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
