#include "layers/hard_swish.h"

#include "layers/hard_swish_reference.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> hard_swish_cases() {
  return unary_cases(
      Unary::hard_swish, []<class T>(std::span<const T> x, std::span<T> y) { reference::hard_swish_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
        reference::hard_swish_backward<T>(x, dy, dx);
      },
      4, 8);
}

VITRINE_OP_TESTS(hard_swish, hard_swish_cases());

}  // namespace
}  // namespace vitrine::testing
