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

// One file: the inputs, also rounded to float32, the output and the upstream gradient, all in our layouts.
struct GoldenCase {
  TensorFile file;
  std::vector<std::string> names;
  std::vector<GoldenLayout> layouts;
  std::vector<Shape> shapes;
  Arrays<double> values, rounded;
  std::vector<double> y, dy, dy_rounded;

  bool has_gradient(std::size_t input) const { return file.find("grad." + names[input]) != nullptr; }
};

inline GoldenCase load_golden(const std::filesystem::path& path, const std::vector<std::string>& inputs,
                              const std::vector<GoldenLayout>& layouts, GoldenLayout output) {
  GoldenCase c;
  c.file = read_safetensors(path);
  c.names = inputs;
  c.layouts = layouts;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    GoldenArray a = golden_array(c.file.at("in." + inputs[i]), layouts[i]);
    c.shapes.push_back(a.shape);
    c.rounded.push_back(rounded_to_float(a.values));
    c.values.push_back(std::move(a.values));
  }
  c.y = golden_array(c.file.at("out"), output).values;
  c.dy = golden_array(c.file.at("grad.out"), output).values;
  c.dy_rounded = rounded_to_float(c.dy);
  return c;
}

// What the float32 kernels give for the rounded inputs, through the tape.
struct GoldenResult {
  std::vector<double> y;
  Arrays<double> dx;
};

inline GoldenResult run_golden(const GoldenCase& c, const std::function<Variable(std::span<const Variable>)>& apply) {
  const auto floats = [](const std::vector<double>& v) { return std::vector<float>(v.begin(), v.end()); };
  const auto doubles = [](const Tensor& t) { return std::vector<double>(t.host().begin(), t.host().end()); };
  Tape tape;
  std::vector<Variable> leaves;
  for (std::size_t i = 0; i < c.names.size(); ++i)
    leaves.push_back(tape.input(Tensor::from(c.shapes[i], floats(c.rounded[i]))));
  const Variable y = apply(leaves);
  const Gradients gradients = tape.backward(y, Tensor::from(y.shape(), floats(c.dy_rounded)));
  GoldenResult result{doubles(y.tensor()), {}};
  for (std::size_t i = 0; i < leaves.size(); ++i)
    result.dx.push_back(c.has_gradient(i) ? doubles(gradients.of(leaves[i])) : std::vector<double>());
  return result;
}

inline void expect_golden(const std::vector<double>& got, const std::vector<double>& truth, double allowed,
                          const std::string& what) {
  ASSERT_EQ(got.size(), truth.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], truth[i], allowed) << what << " " << i;
}

using GoldenForward = std::function<std::vector<double>(const Arrays<double>&)>;
using GoldenBackward = std::function<Arrays<double>(const Arrays<double>&, const std::vector<double>&)>;

// The reference in double agrees with the file to 1e-12 of the largest element.
inline void check_golden_reference(const GoldenCase& c, const GoldenForward& forward, const GoldenBackward& backward) {
  expect_golden(forward(c.values), c.y, 1e-12 * golden_largest(c.y), "reference forward");
  const Arrays<double> dx = backward(c.values, c.dy);
  for (std::size_t i = 0; i < c.names.size(); ++i) {
    if (!c.has_gradient(i)) continue;
    const std::vector<double> truth = golden_array(c.file.at("grad." + c.names[i]), c.layouts[i]).values;
    expect_golden(dx[i], truth, 1e-12 * std::max(golden_largest(truth), 1e-6), "reference gradient of " + c.names[i]);
  }
}

// The reference in double agrees with the file; the kernels, on inputs rounded to float32, agree with the reference on the same
// rounded inputs within `forward_ulp` and `backward_ulp` times 2^-23 of the largest element.
inline void check_golden(const std::filesystem::path& path, const std::vector<std::string>& inputs,
                         const std::vector<GoldenLayout>& layouts, GoldenLayout output, const GoldenForward& forward,
                         const GoldenBackward& backward, const std::function<Variable(std::span<const Variable>)>& apply,
                         double forward_ulp, double backward_ulp) {
  const GoldenCase c = load_golden(path, inputs, layouts, output);
  check_golden_reference(c, forward, backward);
  const GoldenResult kernel = run_golden(c, apply);
  const std::vector<double> y = forward(c.rounded);
  expect_golden(kernel.y, y, forward_ulp * 0x1p-23 * golden_largest(y), "kernel forward");
  const Arrays<double> dx = backward(c.rounded, c.dy_rounded);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!c.has_gradient(i)) continue;
    expect_golden(kernel.dx[i], dx[i], backward_ulp * 0x1p-23 * golden_largest(dx[i]), "kernel gradient of " + inputs[i]);
  }
}

// The a-priori bound of a float32 sum of products that is cut in chunks: |error| <= gamma_t sum |a||b|, where t roundings lie on
// the longest path: min(terms, chunk) in a chunk, then one for each further chunk and one for a bias or the last rounding.
// Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1.
inline double sum_bound(std::int64_t terms, std::int64_t chunk) {
  const double t = static_cast<double>(std::min(terms, chunk) + (terms + chunk - 1) / chunk), u = 0x1p-24;
  return t * u / (1 - t * u);
}

// For ops that are sums of products of their inputs: every element of the kernels' results is within the a-priori bound, which is
// the same sums over absolute values times `forward_bound` and `backward_bounds[input]` (sum_bound). It binds small elements, where
// check_golden, whose measure is the largest element, says little; check_golden is the tighter one for large elements.
inline void check_golden_sums(const std::filesystem::path& path, const std::vector<std::string>& inputs,
                              const std::vector<GoldenLayout>& layouts, GoldenLayout output, const OpCase& op,
                              double forward_bound, const std::vector<double>& backward_bounds) {
  const GoldenCase c = load_golden(path, inputs, layouts, output);
  const GoldenResult kernel = run_golden(c, op.apply);
  const auto magnitudes = [](std::vector<double> v) {
    for (double& x : v) x = std::abs(x);
    return v;
  };
  Arrays<double> absolute;
  for (const auto& input : c.rounded) absolute.push_back(magnitudes(input));
  const auto expect_within = [](const std::vector<double>& got, const std::vector<double>& truth,
                                const std::vector<double>& sums, double bound, const std::string& what) {
    ASSERT_EQ(got.size(), truth.size()) << what;
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], truth[i], bound * sums[i]) << what << " " << i;
  };
  expect_within(kernel.y, op.forward(c.rounded), op.forward(absolute), forward_bound, "kernel forward");
  const Arrays<double> dx = op.backward(c.rounded, c.dy_rounded), sums = op.backward(absolute, magnitudes(c.dy_rounded));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_TRUE(c.has_gradient(i)) << inputs[i];
    expect_within(kernel.dx[i], dx[i], sums[i], backward_bounds[i], "kernel gradient of " + inputs[i]);
  }
}

}  // namespace vitrine::testing
