#include "layers/sigmoid.h"

#include "layers/sigmoid_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase sigmoid_case(std::int64_t n) {
  OpCase c = op_case(
      "n" + std::to_string(n), {Shape{n}},
      []<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::sigmoid_forward<T>(in[0], y);
        return y;
      },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = {std::vector<T>(in[0].size())};
        reference::sigmoid_backward<T>(in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return sigmoid(in[0]); });
  c.same_bits_as_float_reference = false;
  c.input_scale = 4;
  return c;
}

VITRINE_OP_TESTS(sigmoid, (std::vector<OpCase>{sigmoid_case(1), sigmoid_case(15), sigmoid_case(16), sigmoid_case(33),
                                               sigmoid_case(40000)}));

TEST(SigmoidGolden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/sigmoid.safetensors");
  const OpCase c = sigmoid_case(1);
  check_golden(path, {"x"}, {GoldenLayout::flat}, GoldenLayout::flat, c.forward, c.backward, c.apply, 4, 8);
}

}  // namespace
}  // namespace vitrine::testing
