#include "layers/linear.h"

#include "base/error.h"
#include "layers/kernels/pairwise.h"
#include "layers/linear_reference.h"
#include "tests/layers/golden.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {
namespace {

OpCase linear_case(std::int64_t N, std::int64_t C, std::int64_t K, bool bias) {
  std::vector<Shape> inputs = {{N, C}, {C, K}};
  if (bias) inputs.push_back({K});
  OpCase c = op_case(
      "n" + std::to_string(N) + "_c" + std::to_string(C) + "_k" + std::to_string(K) + (bias ? "_bias" : ""), inputs,
      [=]<class T>(const Arrays<T>& in) {
        std::vector<T> y(static_cast<std::size_t>(N * K));
        reference::linear_forward<T>(N, C, K, in[0], in[1], in.size() > 2 ? std::span<const T>(in[2]) : std::span<const T>(),
                                     y);
        return y;
      },
      [=]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
        Arrays<T> d = in;
        reference::linear_backward<T>(N, C, K, in[0], in[1], dy, d[0], d[1],
                                      d.size() > 2 ? std::span<T>(d[2]) : std::span<T>());
        return d;
      },
      [](std::span<const Variable> in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Variable()); });
  c.same_bits_as_float_reference = true;
  c.forward_ulp = 8;    // chains of up to 128 fma on normal draws
  c.backward_ulp = 40;  // dw, db: chains of up to 1,024
  return c;
}

VITRINE_OP_TESTS(linear,
                 (std::vector<OpCase>{linear_case(1, 1, 1, true), linear_case(3, 17, 5, true), linear_case(16, 1280, 2, true),
                                      linear_case(5, 33, 49, false), linear_case(1500, 3, 2, true)}));

TEST(LinearGolden, AgreesWithTheReferenceLibrary) {
  VITRINE_REFERENCE_FILE(path, "ops/linear.safetensors");
  const OpCase c = linear_case(16, 1280, 2, true);
  const std::vector<std::string> inputs = {"x", "weight", "bias"};
  const std::vector<GoldenLayout> layouts = {GoldenLayout::flat, GoldenLayout::matrix, GoldenLayout::flat};
  check_golden(path, inputs, layouts, GoldenLayout::flat, c.forward, c.backward, c.apply, c.forward_ulp, c.backward_ulp);
  const double over_rows = sum_bound(16, kChunk);
  check_golden_sums(path, inputs, layouts, GoldenLayout::flat, c, sum_bound(1280, kDotChunk),
                    {sum_bound(2, kDotChunk), over_rows, over_rows});
}

TEST(Linear, RefusesShapesThatDoNotFit) {
  EXPECT_THROW(linear(Tensor::zeros({2, 3}), Tensor::zeros({4, 5}), Variable()), ShapeError);
  EXPECT_THROW(linear(Tensor::zeros({2, 3}), Tensor::zeros({3, 5}), Tensor::zeros({4})), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing
