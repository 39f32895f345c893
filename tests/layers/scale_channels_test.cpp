#include "layers/scale_channels.h"

#include "base/error.h"
#include "layers/scale_channels_reference.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase scale_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t ch) {
  OpCase c = op_case(
      text("n", n, "_h", h, "_w", w, "_c", ch), {Shape{n, h, w, ch}, Shape{n, ch}},
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(in[0].size());
        reference::scale_channels_forward<T>(n, h * w, ch, in[0], in[1], y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::scale_channels_backward<T>(n, h * w, ch, in[0], in[1], dy, d[0], d[1]);
        return d;
      },
      [](std::span<const Variable> in) { return scale_channels(in[0], in[1]); });
  c.forward_ulp = c.backward_ulp = 1;
  return c;
}

VITRINE_OP_TESTS(scale_channels, (std::vector<OpCase>{scale_case(1, 1, 1, 1), scale_case(2, 3, 5, 17), scale_case(3, 2, 2, 48),
                                                      scale_case(2, 40, 30, 5)}));

TEST(ScaleChannels, RefusesShapesThatDoNotFit) {
  EXPECT_THROW(scale_channels(Tensor::zeros({2, 3, 3, 4}), Tensor::zeros({2, 3})), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
