#include "layers/add.h"

#include "base/error.h"
#include "layers/add_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase add_case(std::int64_t n) {
  OpCase c = op_case(
      "n" + std::to_string(n), {Shape{n}, Shape{n}},
      []<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::add_forward<T>(in[0], in[1], y);
        return y;
      },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::add_backward<T>(dy, dx[0], dx[1]);
        return dx;
      },
      [](std::span<const Variable> in) { return add(in[0], in[1]); });
  c.same_bits_as_float_reference = true;
  return c;
}

VITRINE_OP_TESTS(add, (std::vector<OpCase>{add_case(1), add_case(15), add_case(16), add_case(33), add_case(40000)}));

TEST(Add, RefusesUnequalShapes) { EXPECT_THROW(add(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})), ShapeError); }

}  // namespace
}  // namespace vitrine::testing
