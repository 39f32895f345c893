#include "layers/relu.h"

#include "layers/relu_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase relu_case(std::int64_t n) {
  OpCase c = op_case(
      "n" + std::to_string(n), {Shape{n}},
      []<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::relu_forward<T>(in[0], y);
        return y;
      },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = {std::vector<T>(in[0].size())};
        reference::relu_backward<T>(in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return relu(in[0]); });
  c.same_bits_as_float_reference = true;
  c.input_scale = 4;
  return c;
}

VITRINE_OP_TESTS(relu, (std::vector<OpCase>{relu_case(1), relu_case(15), relu_case(16), relu_case(33), relu_case(40000)}));

}  // namespace
}  // namespace vitrine::testing
