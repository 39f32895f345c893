#include "layers/depthwise_conv2d.h"

#include "base/error.h"
#include "layers/depthwise_conv2d_reference.h"
#include "layers/kernels/pairwise.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase depthwise_case(const char* name, std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t R,
                      std::int64_t stride, bool same) {
  const Padding pad = same ? same_padding(H, W, R, stride) : symmetric_padding(R);
  const ConvShape s{
      N,      H,  W, C, R, R, C, output_size(H, pad.top, pad.bottom, R, stride), output_size(W, pad.left, pad.right, R, stride),
      stride, pad};
  OpCase c = op_case(
      name, {Shape{N, H, W, C}, Shape{R, R, C}},
      [s]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(s.N * s.P * s.Q * s.C));
        reference::depthwise_conv2d_forward<T>(s, in[0], in[1], y);
        return y;
      },
      [s]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::depthwise_conv2d_backward_data<T>(s, dy, in[1], d[0]);
        reference::depthwise_conv2d_backward_weights<T>(s, in[0], dy, d[1]);
        return d;
      },
      [s](std::span<const Variable> in) {
        return depthwise_conv2d(in[0], in[1], {s.stride, s.padding});
      });
  c.same_bits_as_float_reference = true;
  c.backward_ulp = 40;  // dw: chains of up to 1,024 fma
  return c;
}

VITRINE_OP_TESTS(depthwise_conv2d,
                 (std::vector<OpCase>{
                     depthwise_case("k3", 2, 5, 7, 9, 3, 1, false), depthwise_case("k3_s2", 1, 9, 6, 33, 3, 2, false),
                     depthwise_case("k3_s2_same", 2, 8, 7, 16, 3, 2, true), depthwise_case("k5", 1, 7, 5, 70, 5, 1, false),
                     depthwise_case("k5_s2_same", 1, 10, 7, 17, 5, 2, true),
                     depthwise_case("one_pixel", 3, 1, 1, 5, 5, 1, false),
                     depthwise_case("chunks", 3, 21, 23, 3, 3, 1, true)}));

void check_depthwise_golden(const std::string& name, std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C,
                            std::int64_t R, std::int64_t stride, bool same) {
  VITRINE_REFERENCE_FILE(path, "ops/" + name + ".safetensors");
  const OpCase c = depthwise_case("", N, H, W, C, R, stride, same);
  const std::vector<GoldenLayout> layouts = {GoldenLayout::image, GoldenLayout::depthwise};
  check_golden(path, {"x", "weight"}, layouts, GoldenLayout::image, c.forward, c.backward, c.apply, 4, 8);
  const Padding pad = same ? same_padding(H, W, R, stride) : symmetric_padding(R);
  const std::int64_t pixels =
      N * output_size(H, pad.top, pad.bottom, R, stride) * output_size(W, pad.left, pad.right, R, stride);
  check_golden_sums(path, {"x", "weight"}, layouts, GoldenLayout::image, c, sum_bound(R * R, R * R),
                    {sum_bound(R * R, R * R), sum_bound(pixels, kChunk)});
}

TEST(DepthwiseConv2dGolden, K3) { check_depthwise_golden("depthwise_conv2d-k3s1p1-32", 2, 8, 8, 32, 3, 1, false); }
TEST(DepthwiseConv2dGolden, K3Stride2) { check_depthwise_golden("depthwise_conv2d-k3s2p1-96", 2, 9, 12, 96, 3, 2, false); }
TEST(DepthwiseConv2dGolden, K5) { check_depthwise_golden("depthwise_conv2d-k5s1p2-40", 2, 7, 5, 40, 5, 1, false); }
TEST(DepthwiseConv2dGolden, K5Stride2) { check_depthwise_golden("depthwise_conv2d-k5s2p2-144", 2, 8, 11, 144, 5, 2, false); }
TEST(DepthwiseConv2dGolden, K5Wide) { check_depthwise_golden("depthwise_conv2d-k5s1p2-1152", 2, 2, 2, 1152, 5, 1, false); }
TEST(DepthwiseConv2dGolden, Same) { check_depthwise_golden("depthwise_conv2d-same-k5s2", 2, 10, 7, 16, 5, 2, true); }

TEST(DepthwiseConv2d, RefusesShapesThatDoNotFit) {
  const Tensor x = Tensor::zeros({1, 4, 4, 3});
  EXPECT_THROW(depthwise_conv2d(x, Tensor::zeros({3, 3, 4}), {}), ShapeError);
  EXPECT_THROW(depthwise_conv2d(x, Tensor::zeros({5, 5, 3}), {}), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
