#include "layers/multiply.h"

#include "base/error.h"
#include "layers/multiply_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase multiply_case(std::int64_t n) {
  OpCase c = op_case(
      "n" + std::to_string(n), {Shape{n}, Shape{n}},
      []<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::multiply_forward<T>(in[0], in[1], y);
        return y;
      },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::multiply_backward<T>(in[0], in[1], dy, d[0], d[1]);
        return d;
      },
      [](std::span<const Variable> in) { return multiply(in[0], in[1]); });
  c.same_bits_as_float_reference = true;
  return c;
}

VITRINE_OP_TESTS(multiply, (std::vector<OpCase>{multiply_case(1), multiply_case(15), multiply_case(16), multiply_case(33),
                                                multiply_case(40000)}));

TEST(Multiply, RefusesUnequalShapes) { EXPECT_THROW(multiply(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})), ShapeError); }

TEST(Multiply, OfAVariableByItselfHasTwiceItAsItsSlope) {
  Tape tape;
  const Variable x = tape.input(Tensor::from({2}, std::vector<float>{3, -5}));
  const Gradients gradients = tape.backward(multiply(x, x), Tensor::full({2}, 1));
  EXPECT_EQ(gradients.of(x).host()[0], 6);
  EXPECT_EQ(gradients.of(x).host()[1], -10);
}

}  // namespace
}  // namespace vitrine::testing
