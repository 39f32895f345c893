#include "layers/conv2d.h"

#include "base/error.h"
#include "layers/conv2d_reference.h"
#include "layers/kernels/pairwise.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

struct Sizes {
  const char* name;
  std::int64_t N, H, W, C, R, K, stride;
  bool same, bias;
};

ConvShape shape_of(const Sizes& z) {
  const Padding pad = z.same ? same_padding(z.H, z.W, z.R, z.stride) : symmetric_padding(z.R);
  return {z.N,
          z.H,
          z.W,
          z.C,
          z.R,
          z.R,
          z.K,
          output_size(z.H, pad.top, pad.bottom, z.R, z.stride),
          output_size(z.W, pad.left, pad.right, z.R, z.stride),
          z.stride,
          pad};
}

OpCase conv_case(const Sizes& z) {
  const ConvShape s = shape_of(z);
  std::vector<Shape> inputs = {{z.N, z.H, z.W, z.C}, {z.R, z.R, z.C, z.K}};
  if (z.bias) inputs.push_back({z.K});
  OpCase c = op_case(
      z.name, inputs,
      [s]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(s.N * s.P * s.Q * s.K));
        reference::conv2d_forward<T>(s, in[0], in[1], in.size() > 2 ? std::span<const T>(in[2]) : std::span<const T>(), y);
        return y;
      },
      [s]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::conv2d_backward_data<T>(s, dy, in[1], d[0]);
        reference::conv2d_backward_weights<T>(s, in[0], dy, d[1]);
        if (in.size() > 2) reference::conv2d_backward_bias<T>(dy, s.N * s.P * s.Q, s.K, d[2]);
        return d;
      },
      [s](std::span<const Variable> in) {
        return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Variable(), {s.stride, s.padding});
      });
  c.same_bits_as_float_reference = true;
  c.forward_ulp = 8;    // chains of up to 128 fma on normal draws: the error grows like the square root of their length
  c.backward_ulp = 40;  // dw, db: chains of up to 1,024
  return c;
}

std::vector<OpCase> conv_cases() {
  const Sizes sizes[] = {{"k1", 2, 5, 3, 7, 1, 9, 1, false, true},
                         {"k1_wide", 1, 3, 5, 24, 1, 97, 1, false, false},
                         {"k1_chunks", 1, 2, 2, 1100, 1, 33, 1, false, true},
                         {"k1_pixels", 2, 26, 23, 5, 1, 20, 1, false, true},
                         {"k1_s2", 1, 7, 5, 6, 1, 5, 2, false, false},
                         {"k3", 2, 6, 7, 5, 3, 7, 1, false, true},
                         {"k3_s2", 1, 9, 8, 3, 3, 32, 2, false, false},
                         {"k3_s2_same_even", 1, 8, 8, 3, 3, 6, 2, true, false},
                         {"k3_s2_same_odd", 1, 9, 7, 3, 3, 6, 2, true, true},
                         {"k5_one_pixel", 3, 1, 1, 4, 5, 17, 1, true, true},
                         {"k3_chunks", 1, 3, 3, 130, 3, 5, 1, true, false},
                         {"k3_pixels", 1, 40, 37, 2, 3, 3, 1, true, true}};
  std::vector<OpCase> cases;
  for (const Sizes& z : sizes) cases.push_back(conv_case(z));
  return cases;
}

VITRINE_OP_TESTS(conv2d, conv_cases());

void check_conv_golden(const std::string& name, const Sizes& z) {
  VITRINE_REFERENCE_FILE(path, "ops/" + name + ".safetensors");
  const OpCase c = conv_case(z);
  std::vector<std::string> inputs = {"x", "weight"};
  std::vector<GoldenLayout> layouts = {GoldenLayout::image, GoldenLayout::conv};
  if (z.bias) {
    inputs.push_back("bias");
    layouts.push_back(GoldenLayout::flat);
  }
  check_golden(path, inputs, layouts, GoldenLayout::image, c.forward, c.backward, c.apply, c.forward_ulp, c.backward_ulp);
  const ConvShape s = shape_of(z);
  const double over_pixels = sum_bound(s.N * s.P * s.Q, kChunk);
  check_golden_sums(path, inputs, layouts, GoldenLayout::image, c, sum_bound(s.R * s.S * s.C, kDotChunk),
                    {sum_bound(s.R * s.S * s.K, kDotChunk), over_pixels, over_pixels});
}

TEST(Conv2dGolden, Pointwise) { check_conv_golden("conv2d-k1s1p0-24to40", {"", 2, 9, 7, 24, 1, 40, 1, false, true}); }
TEST(Conv2dGolden, PointwiseWide) { check_conv_golden("conv2d-k1s1p0-1152to192", {"", 2, 2, 2, 1152, 1, 192, 1, false, true}); }
TEST(Conv2dGolden, Stem) { check_conv_golden("conv2d-k3s2p1-3to32", {"", 2, 17, 16, 3, 3, 32, 2, false, true}); }
TEST(Conv2dGolden, Dense3) { check_conv_golden("conv2d-k3s1p1-5to7", {"", 2, 6, 11, 5, 3, 7, 1, false, true}); }
TEST(Conv2dGolden, Dense5) { check_conv_golden("conv2d-k5s2p2-8to12", {"", 2, 13, 9, 8, 5, 12, 2, false, true}); }
TEST(Conv2dGolden, SameEven) { check_conv_golden("conv2d-same-k3s2-even", {"", 1, 8, 8, 3, 3, 6, 2, true, false}); }
TEST(Conv2dGolden, SameOdd) { check_conv_golden("conv2d-same-k3s2-odd", {"", 1, 9, 7, 3, 3, 6, 2, true, false}); }

TEST(Conv2d, RefusesShapesThatDoNotFit) {
  const Tensor x = Tensor::zeros({1, 4, 4, 3});
  EXPECT_THROW(conv2d(x, Tensor::zeros({1, 1, 2, 5}), Variable(), {}), ShapeError);
  EXPECT_THROW(conv2d(x, Tensor::zeros({5, 5, 3, 5}), Variable(), {}), ShapeError);
  EXPECT_THROW(conv2d(x, Tensor::zeros({1, 1, 3, 5}), Tensor::zeros({4}), {}), ShapeError);
  EXPECT_THROW(conv2d(Tensor::zeros({0, 4, 4, 3}), Tensor::zeros({1, 1, 3, 5}), Variable(), {}), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
