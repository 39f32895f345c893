#include "layers/swish.h"

#include "layers/swish_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase swish_case(const std::string& name, const Shape& shape) {
  return op_case(
      name, {shape},
      []<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::swish_forward<T>(in[0], y);
        return y;
      },
      []<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = {std::vector<T>(in[0].size())};
        reference::swish_backward<T>(in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return swish(in[0]); });
}

std::vector<OpCase> swish_cases() {
  std::vector<OpCase> cases;
  for (const std::int64_t n : {1, 2, 15, 16, 17, 31, 33, 4099, 20001})
    cases.push_back(swish_case("n" + std::to_string(n), {n}));
  cases.push_back(swish_case("image", {2, 3, 5, 7}));
  return cases;
}

VITRINE_OP_TESTS(swish, swish_cases());

TEST(SwishGolden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/swish.safetensors");
  const OpCase c = swish_case("", {209});
  check_golden(path, {"x"}, {GoldenLayout::flat}, GoldenLayout::flat, c.forward, c.backward, c.apply, 4, 8);
}

}  // namespace
}  // namespace vitrine::testing
