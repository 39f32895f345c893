#include "layers/global_max_pool.h"

#include "base/error.h"
#include "layers/global_max_pool_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase pool_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t ch) {
  OpCase c = op_case(
      text("n", n, "_h", h, "_w", w, "_c", ch), {Shape{n, h, w, ch}},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(n * ch));
        reference::global_max_pool_forward<T>(n, h * w, ch, in[0], y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> dx = in;
        reference::global_max_pool_backward<T>(n, h * w, ch, in[0], dy, dx[0]);
        return dx;
      },
      [](std::span<const Variable> in) { return global_max_pool(in[0]); });
  c.forward_ulp = c.backward_ulp = 1;
  return c;
}

VITRINE_OP_TESTS(global_max_pool, (std::vector<OpCase>{pool_case(1, 1, 1, 1), pool_case(2, 3, 5, 17), pool_case(3, 4, 4, 48),
                                                       pool_case(1, 40, 41, 3)}));

// The file holds the concatenation [max, average] along channels, fast.ai's pooling: the maximum half is checked here.
TEST(GlobalMaxPoolGolden, IsTheFirstHalfOfTheConcatenatedPool) {
  VITRINE_REFERENCE_FILE(path, "ops/adaptive_concat_pool.safetensors");
  const TensorFile file = read_safetensors(path);
  const GoldenArray x = golden_array(file.at("in.x"), GoldenLayout::image);
  const std::vector<double> both = file.at("out").to_double();
  const OpCase c = pool_case(3, 7, 5, 40);
  const std::vector<double> ours = c.forward({x.values});
  ASSERT_EQ(ours.size() * 2, both.size());
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], both[i / 40 * 80 + i % 40]);
}

TEST(GlobalMaxPool, RefusesShapesThatDoNotFit) { EXPECT_THROW(global_max_pool(Tensor::zeros({2, 3})), ShapeError); }

}  // namespace
}  // namespace vitrine::testing
