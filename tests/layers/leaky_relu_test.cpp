#include "layers/leaky_relu.h"

#include "layers/leaky_relu_reference.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> leaky_relu_cases() {
  return unary_cases(
      Unary::leaky_relu, []<class T>(std::span<const T> x, std::span<T> y) { reference::leaky_relu_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
        reference::leaky_relu_backward<T>(x, dy, dx);
      },
      1, 1, true);
}

VITRINE_OP_TESTS(leaky_relu, leaky_relu_cases());

}  // namespace
}  // namespace vitrine::testing
