#include "layers/tanh.h"

#include "layers/tanh_reference.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> tanh_cases() {
  return unary_cases(
      Unary::tanh, []<class T>(std::span<const T> x, std::span<T> y) { reference::tanh_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) { reference::tanh_backward<T>(x, dy, dx); }, 2,
      8);
}

VITRINE_OP_TESTS(tanh, tanh_cases());

}  // namespace
}  // namespace vitrine::testing
