#include "layers/softplus.h"

#include <cmath>

#include "layers/softplus_reference.h"
#include "tests/layers/unary_cases.h"

namespace vitrine::testing {
namespace {

std::vector<OpCase> softplus_cases() {
  return unary_cases(
      Unary::softplus, []<class T>(std::span<const T> x, std::span<T> y) { reference::softplus_forward<T>(x, y); },
      []<class T>(std::span<const T> x, std::span<const T> dy, std::span<T> dx) { reference::softplus_backward<T>(x, dy, dx); },
      4, 4);
}

VITRINE_OP_TESTS(softplus, softplus_cases());

TEST(Softplus, KeepsItsDigitsInBothTails) {
  for (const float x : {-103.0f, -80.0f, -20.0f, -2.0f, 0.0f, 2.0f, 20.0f, 1e30f}) {
    const auto v = static_cast<double>(x), expected = std::max(v, 0.0) + std::log1p(std::exp(-std::abs(v)));
    EXPECT_NEAR(softplus(Tensor::full({1}, x)).tensor().host()[0], expected, 4 * 0x1p-23 * expected + 0x1p-149) << x;
  }
}

}  // namespace
}  // namespace vitrine::testing
