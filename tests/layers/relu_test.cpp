#include "layers/relu.h"

#include "layers/relu_reference.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> relu_cases() {
  return unary_cases(
      Unary::relu, []<class T>(std::span<const T> x, std::span<T> y) { reference::relu_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) { reference::relu_backward<T>(x, dy, dx); }, 0,
      0, true);
}

VITRINE_OP_TESTS(relu, relu_cases());

}  // namespace
}  // namespace vitrine::testing
