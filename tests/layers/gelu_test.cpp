#include "layers/gelu.h"

#include "layers/gelu_reference.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> gelu_cases() {
  return unary_cases(
      Unary::gelu, []<class T>(std::span<const T> x, std::span<T> y) { reference::gelu_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) { reference::gelu_backward<T>(x, dy, dx); }, 16,
      16);
}

VITRINE_OP_TESTS(gelu, gelu_cases());

}  // namespace
}  // namespace vitrine::testing
