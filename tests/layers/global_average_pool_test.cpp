#include "layers/global_average_pool.h"

#include "base/error.h"
#include "layers/global_average_pool_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase pool_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t ch) {
  OpCase c = op_case(
      text("n", n, "_h", h, "_w", w, "_c", ch), {Shape{n, h, w, ch}},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(n * ch));
        reference::global_average_pool_forward<T>(n, h * w, ch, in[0], y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::global_average_pool_backward<T>(n, h * w, ch, dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return global_average_pool(in[0]); });
  c.forward_ulp = c.backward_ulp = 1;
  return c;
}

VITRINE_OP_TESTS(global_average_pool, (std::vector<OpCase>{pool_case(1, 1, 1, 1), pool_case(2, 3, 5, 17),
                                                           pool_case(3, 4, 4, 48), pool_case(1, 40, 41, 3)}));

TEST(GlobalAveragePoolGolden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/global_average_pool.safetensors");
  const OpCase c = pool_case(3, 7, 5, 40);
  check_golden(path, {"x"}, {GoldenLayout::image}, GoldenLayout::flat, c.forward, c.backward, c.apply, 1, 1);
}

TEST(GlobalAveragePool, RefusesShapesThatDoNotFit) { EXPECT_THROW(global_average_pool(Tensor::zeros({2, 3})), ShapeError); }

}  // namespace
}  // namespace vitrine::testing
