#include "layers/relu6.h"

#include "layers/relu6_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> relu6_cases() {
  return unary_cases(
      Unary::relu6, []<class T>(std::span<const T> x, std::span<T> y) { reference::relu6_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) { reference::relu6_backward<T>(x, dy, dx); }, 0,
      0, true);
}

VITRINE_OP_TESTS(relu6, relu6_cases());

TEST(Relu6Golden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/relu6.safetensors");
  const OpCase c = relu6_cases().front();
  check_golden(path, {"x"}, {GoldenLayout::flat}, GoldenLayout::flat, c.forward, c.backward, c.apply, 4, 8);
}

}  // namespace
}  // namespace vitrine::testing
