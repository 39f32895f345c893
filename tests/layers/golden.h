// Op cases of the reference folder: inputs, output, upstream gradient and gradients in float64, in PyTorch's layouts.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/layers/op_tests.h"
#include "tests/reference_files.h"
#include "weights/safetensors.h"

namespace vitrine::testing {

enum class GoldenLayout {
  flat,       // as it is
  image,      // [N, C, H, W] -> [N, H, W, C]
  conv,       // [K, C, R, S] -> [R, S, C, K]
  depthwise,  // [C, 1, R, S] -> [R, S, C]
  matrix      // [K, C] or [K, C, 1, 1] -> [C, K]
};

struct GoldenArray {
  Shape shape;  // in our layout
  std::vector<double> values;
};

inline GoldenArray golden_array(const StoredTensor& stored, GoldenLayout layout) {
  const Shape& s = stored.shape;
  const std::vector<double> in = stored.to_double();
  if (layout == GoldenLayout::flat) return {s, in};
  const std::int64_t a = s[0], b = s[1], c = s.rank() > 2 ? s[2] : 1, d = s.rank() > 2 ? s[3] : 1;
  GoldenArray out;
  out.values.resize(in.size());
  const auto copy = [&](auto target) {
    for (std::int64_t i = 0, at = 0; i < a; ++i)
      for (std::int64_t j = 0; j < b; ++j)
        for (std::int64_t k = 0; k < c; ++k)
          for (std::int64_t l = 0; l < d; ++l, ++at)
            out.values[static_cast<std::size_t>(target(i, j, k, l))] = in[static_cast<std::size_t>(at)];
  };
  if (layout == GoldenLayout::image) {
    out.shape = {a, c, d, b};
    copy([&](auto i, auto j, auto k, auto l) { return ((i * c + k) * d + l) * b + j; });
  } else {
    out.shape = layout == GoldenLayout::conv        ? Shape{c, d, b, a}
                : layout == GoldenLayout::depthwise ? Shape{c, d, a}
                                                    : Shape{b, a};
    copy([&](auto i, auto j, auto k, auto l) { return ((k * d + l) * b + j) * a + i; });
  }
  return out;
}

inline double golden_largest(const std::vector<double>& v) {
  double most = 0;
  for (const double x : v) most = std::max(most, std::abs(x));
  return most;
}

inline std::vector<double> rounded_to_float(const std::vector<double>& v) {
  std::vector<double> out;
  for (const double x : v) out.push_back(static_cast<double>(static_cast<float>(x)));
  return out;
}

// The reference in double agrees with the file to 1e-12 of the largest element; the kernels, on inputs rounded to float32,
// agree with the reference on the same rounded inputs within `forward_ulp` and `backward_ulp` times 2^-23 of the largest
// element.
inline void check_golden(const std::filesystem::path& path, const std::vector<std::string>& inputs,
                         const std::vector<GoldenLayout>& layouts, GoldenLayout output,
                         const std::function<std::vector<double>(const Arrays<double>&)>& forward,
                         const std::function<Arrays<double>(const Arrays<double>&, const std::vector<double>&)>& backward,
                         const std::function<Variable(std::span<const Variable>)>& apply, double forward_ulp,
                         double backward_ulp) {
  const TensorFile file = read_safetensors(path);
  Arrays<double> values, rounded;
  std::vector<Shape> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    GoldenArray a = golden_array(file.at("in." + inputs[i]), layouts[i]);
    shapes.push_back(a.shape);
    rounded.push_back(rounded_to_float(a.values));
    values.push_back(std::move(a.values));
  }
  const GoldenArray y = golden_array(file.at("out"), output), dy = golden_array(file.at("grad.out"), output);
  const auto expect = [](const std::vector<double>& got, const std::vector<double>& truth, double allowed,
                         const std::string& what) {
    ASSERT_EQ(got.size(), truth.size()) << what;
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], truth[i], allowed) << what << " " << i;
  };
  const std::vector<double> ours = forward(values);
  expect(ours, y.values, 1e-12 * golden_largest(y.values), "reference forward");
  const Arrays<double> dx = backward(values, dy.values);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const StoredTensor* stored = file.find("grad." + inputs[i]);
    if (stored == nullptr) continue;
    const GoldenArray truth = golden_array(*stored, layouts[i]);
    expect(dx[i], truth.values, 1e-12 * std::max(golden_largest(truth.values), 1e-6), "reference gradient of " + inputs[i]);
  }
  Tape tape;
  std::vector<Variable> leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    leaves.push_back(tape.input(Tensor::from(shapes[i], std::vector<float>(rounded[i].begin(), rounded[i].end()))));
  }
  const Variable result = apply(leaves);
  const std::vector<double> dy_rounded = rounded_to_float(dy.values);
  const Gradients gradients =
      tape.backward(result, Tensor::from(result.shape(), std::vector<float>(dy_rounded.begin(), dy_rounded.end())));
  const auto doubles = [](const Tensor& t) { return std::vector<double>(t.host().begin(), t.host().end()); };
  const std::vector<double> exact = forward(rounded);
  expect(doubles(result.tensor()), exact, forward_ulp * 0x1p-23 * golden_largest(exact), "kernel forward");
  const Arrays<double> exact_dx = backward(rounded, dy_rounded);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (file.find("grad." + inputs[i]) == nullptr) continue;
    expect(doubles(gradients.of(leaves[i])), exact_dx[i], backward_ulp * 0x1p-23 * golden_largest(exact_dx[i]),
           "kernel gradient of " + inputs[i]);
  }
}

}  // namespace vitrine::testing
