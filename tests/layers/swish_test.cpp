#include "layers/swish.h"

#include "layers/swish_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> swish_cases() {
  return unary_cases(
      Unary::swish, []<class T>(std::span<const T> x, std::span<T> y) { reference::swish_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) { reference::swish_backward<T>(x, dy, dx); }, 5,
      8);
}

VITRINE_OP_TESTS(swish, swish_cases());

TEST(SwishGolden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/swish.safetensors");
  const OpCase c = swish_cases().front();
  check_golden(path, {"x"}, {GoldenLayout::flat}, GoldenLayout::flat, c.forward, c.backward, c.apply, 5, 8);
}

}  // namespace
}  // namespace vitrine::testing
