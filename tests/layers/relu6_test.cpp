#include "layers/relu6.h"

#include "layers/relu6_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase relu6_case(std::int64_t n) {
  OpCase c = op_case(
      "n" + std::to_string(n), {Shape{n}},
      []<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::relu6_forward<T>(in[0], y);
        return y;
      },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = {std::vector<T>(in[0].size())};
        reference::relu6_backward<T>(in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return relu6(in[0]); });
  c.same_bits_as_float_reference = true;
  c.input_scale = 4;
  return c;
}

VITRINE_OP_TESTS(relu6,
                 (std::vector<OpCase>{relu6_case(1), relu6_case(15), relu6_case(16), relu6_case(33), relu6_case(40000)}));

TEST(Relu6Golden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/relu6.safetensors");
  const OpCase c = relu6_case(1);
  check_golden(path, {"x"}, {GoldenLayout::flat}, GoldenLayout::flat, c.forward, c.backward, c.apply, 4, 8);
}

}  // namespace
}  // namespace vitrine::testing
