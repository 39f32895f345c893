// Convolutions and products of matrices.
#include "audit/op_pages/products.h"

#include <cmath>

#include "audit/op_pages/families.h"
#include "base/error.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"
#include "layers/depthwise_conv2d_reference.h"
#include "layers/linear.h"
#include "layers/linear_reference.h"

namespace vitrine::op_pages {
namespace {

double at(const Doubles& values, std::int64_t index) { return values[static_cast<std::size_t>(index)]; }
std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

std::int64_t x_index(const ConvShape& z, std::int64_t h, std::int64_t v, std::int64_t c) { return (h * z.W + v) * z.C + c; }

bool inside(const ConvShape& z, std::int64_t h, std::int64_t v) { return h >= 0 && h < z.H && v >= 0 && v < z.W; }

// The terms of y[0,p,q,k]; a depthwise convolution has one channel for each output.
std::vector<Term> forward_terms(const ConvShape& z, bool depthwise, const Doubles& x, const Doubles& w, std::int64_t p,
                                std::int64_t q, std::int64_t k) {
  std::vector<Term> terms;
  for (std::int64_t r = 0; r < z.R; ++r)
    for (std::int64_t s = 0; s < z.S; ++s) {
      const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
      for (std::int64_t c = depthwise ? k : 0; c < (depthwise ? k + 1 : z.C); ++c) {
        const std::string name = depthwise ? text(r, ",", s) : text(r, ",", s, ",", c);
        const std::int64_t tap = depthwise ? (r * z.S + s) * z.C + c : ((r * z.S + s) * z.C + c) * z.K + k;
        const bool there = inside(z, h, v);
        terms.push_back({name, there ? at(x, x_index(z, h, v, c)) : 0, at(w, tap), !there});
      }
    }
  return terms;
}

// The terms of dx[0,h,v,c]: the windows that hold the pixel.
std::vector<Term> data_terms(const ConvShape& z, bool depthwise, const Doubles& dy, const Doubles& w, std::int64_t h,
                             std::int64_t v, std::int64_t c) {
  std::vector<Term> terms;
  for (std::int64_t r = 0; r < z.R; ++r)
    for (std::int64_t s = 0; s < z.S; ++s) {
      const std::int64_t up = h + z.padding.top - r, left = v + z.padding.left - s;
      const std::int64_t p = up / z.stride, q = left / z.stride;
      const bool there = up >= 0 && left >= 0 && up % z.stride == 0 && left % z.stride == 0 && p < z.P && q < z.Q;
      for (std::int64_t k = depthwise ? c : 0; k < (depthwise ? c + 1 : z.K); ++k) {
        const std::string name = depthwise ? text(r, ",", s) : text(r, ",", s, ",", k);
        const std::int64_t tap = depthwise ? (r * z.S + s) * z.C + c : ((r * z.S + s) * z.C + c) * z.K + k;
        terms.push_back({name, there ? at(dy, (p * z.Q + q) * z.K + k) : 0, at(w, tap), !there});
      }
    }
  return terms;
}

// The terms of dw[r,s,c,k]: the output's pixels.
std::vector<Term> weight_terms(const ConvShape& z, const Doubles& x, const Doubles& dy, std::int64_t r, std::int64_t s,
                               std::int64_t c, std::int64_t k) {
  std::vector<Term> terms;
  for (std::int64_t n = 0; n < z.N; ++n)
    for (std::int64_t p = 0; p < z.P; ++p)
      for (std::int64_t q = 0; q < z.Q; ++q) {
        const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
        const bool there = inside(z, h, v);
        terms.push_back({text(n, ",", p, ",", q), there ? at(x, n * z.H * z.W * z.C + x_index(z, h, v, c)) : 0,
                         at(dy, ((n * z.P + p) * z.Q + q) * z.K + k), !there});
      }
  return terms;
}

ConvShape shape_of(const Shape& x, const Shape& w, std::int64_t outputs, const ConvOptions& o) {
  return {x[0],
          x[1],
          x[2],
          x[3],
          w[0],
          w[1],
          outputs,
          output_size(x[1], o.padding.top, o.padding.bottom, w[0], o.stride),
          output_size(x[2], o.padding.left, o.padding.right, w[1], o.stride),
          o.stride,
          o.padding};
}

std::string sum_name(const char* what, std::initializer_list<std::int64_t> index) {
  std::string name;
  for (const std::int64_t i : index) name += text(name.empty() ? "" : ",", i);
  return text(what, "[", name, "]");
}

Working conv2d_working(const ConvShape& z, const std::vector<Doubles>& v, const Doubles& dy) {
  Working w;
  for (const std::int64_t q : {std::int64_t{0}, std::int64_t{1}})
    w.forward.push_back(product_table(sum_name("y", {0, 0, q, 0}), "r,s,c", "x", "w",
                                      forward_terms(z, false, v[0], v[1], 0, q, 0), "b[0]", at(v[2], 0)));
  w.backward.push_back(
      product_table(sum_name("dx", {0, 2, 0, 1}), "r,s,k", "dy", "w", data_terms(z, false, dy, v[1], 2, 0, 1)));
  w.backward.push_back(product_table(sum_name("dw", {0, 1, 0, 1}), "n,p,q", "x", "dy", weight_terms(z, v[0], dy, 0, 1, 0, 1)));
  std::vector<Term> bias;
  for (std::int64_t i = 0; i < z.P * z.Q; ++i) bias.push_back({text("0,", i / z.Q, ",", i % z.Q), at(dy, i * z.K), 1, false});
  w.backward.push_back(product_table("db[0]", "n,p,q", "dy", "times", bias));
  return w;
}

}  // namespace

NumberTable product_table(const std::string& caption, const std::string& index, const std::string& a, const std::string& b,
                          const std::vector<Term>& terms, const std::string& last, double added) {
  NumberTable table{caption + ", term by term", {index, a, b, a + " " + b, "sum so far"}, {}};
  float sum = 0;
  for (const Term& t : terms) {
    if (t.skipped) {
      table.rows.push_back({t.at, "-", number(t.b), "skipped", number9(static_cast<double>(sum))});
      continue;
    }
    sum = std::fma(static_cast<float>(t.a), static_cast<float>(t.b), sum);
    table.rows.push_back({t.at, number(t.a), number(t.b), number(t.a * t.b), number9(static_cast<double>(sum))});
  }
  if (!last.empty()) {
    sum += static_cast<float>(added);
    table.rows.push_back({last, "", "", number(added), number9(static_cast<double>(sum))});
  }
  return table;
}

Example conv2d_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  const ConvOptions options = small ? ConvOptions{2, {0, 0, 1, 1}} : ConvOptions{1, {}};
  const Shape x = small ? Shape{1, 3, 3, 2} : Shape{1, 14, 14, 80}, w = small ? Shape{2, 2, 2, 2} : Shape{1, 1, 80, 480};
  const ConvShape z = shape_of(x, w, w[3], options);
  e.inputs = {{"x", small ? tensor(x, {0.5f, -1, 1, 2, -0.5f, 0.25f, 1.5f, 0, -2, 1, 0.75f, 3, 1, -1, 0.1f, 0.2f, -0.3f, 0.7f})
                          : drawn(x, 1)},
              {"w", small ? tensor(w, {0.5f, -0.25f, 1, 0.3f, -1, 0.75f, 0.2f, -0.6f, 0.1f, 0.4f, -0.5f, 1.5f, 0.8f, -0.1f,
                                       0.6f, -0.9f})
                          : drawn(w, 2, 0.1)},
              {"b", small ? tensor({2}, {0.1f, -0.2f}) : drawn({480}, 3)}};
  e.given =
      small ? "stride 2; padding: one row below and one column to the right (SAME of a 3 x 3 image)" : "stride 1, no padding";
  e.dy = small ? tensor({1, z.P, z.Q, z.K}, {1, -1, 0.5f, 2, -0.5f, 0.25f, 1.5f, 1}) : drawn({1, z.P, z.Q, z.K}, 4);
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    return conv2d(tape.input(v[0]), tape.input(v[1]), tape.input(v[2]), options);
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(z.N * z.P * z.Q * z.K));
    reference::conv2d_forward<double>(z, v[0], v[1], v[2], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[1].size()), Doubles(v[2].size())};
    reference::conv2d_backward_data<double>(z, dy, v[1], d[0]);
    reference::conv2d_backward_weights<double>(z, v[0], dy, d[1]);
    reference::conv2d_backward_bias<double>(dy, z.N * z.P * z.Q, z.K, d[2]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) { return conv2d_working(z, v, dy); };
  return e;
}

Example depthwise_conv2d_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  const ConvOptions options{1, symmetric_padding(small ? 3 : 5)};
  const Shape x = small ? Shape{1, 3, 3, 2} : Shape{1, 14, 14, 480}, w = small ? Shape{3, 3, 2} : Shape{5, 5, 480};
  const ConvShape z = shape_of(x, w, x[3], options);
  e.inputs = {{"x", small ? tensor(x, {0.5f, -1, 1, 2, -0.5f, 0.25f, 1.5f, 0, -2, 1, 0.75f, 3, 1, -1, 0.1f, 0.2f, -0.3f, 0.7f})
                          : drawn(x, 1)},
              {"w", small ? tensor(w, {0.5f, -0.25f, 1, 0.3f, -1, 0.75f, 0.2f, -0.6f, 0.1f, 0.4f, -0.5f, 1.5f, 0.8f, -0.1f,
                                       0.6f, -0.9f, 0.3f, 0.2f})
                          : drawn(w, 2, 0.2)}};
  e.given = small ? "stride 1, padding 1 on every side" : "stride 1, padding 2 on every side";
  e.dy = small ? tensor(x, {1, -1, 0.5f, 2, -0.5f, 0.25f, 1.5f, 1, -2, 0.5f, 1, 1, 0.25f, -0.75f, 0.1f, 0.3f, -1, 0.6f})
               : drawn(x, 4);
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    return depthwise_conv2d(tape.input(v[0]), tape.input(v[1]), options);
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(z.N * z.P * z.Q * z.C));
    reference::depthwise_conv2d_forward<double>(z, v[0], v[1], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[1].size())};
    reference::depthwise_conv2d_backward_data<double>(z, dy, v[1], d[0]);
    reference::depthwise_conv2d_backward_weights<double>(z, v[0], dy, d[1]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working t;
    t.forward = {product_table("y[0,0,0,0]", "r,s", "x", "w", forward_terms(z, true, v[0], v[1], 0, 0, 0)),
                 product_table("y[0,1,1,1]", "r,s", "x", "w", forward_terms(z, true, v[0], v[1], 1, 1, 1))};
    t.backward = {product_table("dx[0,2,1,0]", "r,s", "dy", "w", data_terms(z, true, dy, v[1], 2, 1, 0)),
                  product_table("dw[0,1,1]", "n,p,q", "x", "dy", weight_terms(z, v[0], dy, 0, 1, 1, 1))};
    return t;
  };
  return e;
}

Example linear_example(Scale scale) {
  const bool small = scale == Scale::worked;
  const std::int64_t N = small ? 2 : 1, C = small ? 3 : 1280, K = small ? 2 : 1000;
  Example e;
  e.inputs = {{"x", small ? tensor({N, C}, {0.5f, -1, 2, 1.5f, 0.25f, -0.75f}) : drawn({N, C}, 1)},
              {"w", small ? tensor({C, K}, {0.1f, -0.2f, 0.4f, 0.3f, -0.5f, 1}) : drawn({C, K}, 2, 0.03)},
              {"b", small ? tensor({K}, {0.01f, -0.02f}) : drawn({K}, 3)}};
  e.dy = small ? tensor({N, K}, {1, -2, 0.5f, 0.25f}) : drawn({N, K}, 4);
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return linear(tape.input(v[0]), tape.input(v[1]), tape.input(v[2])); };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(N * K));
    reference::linear_forward<double>(N, C, K, v[0], v[1], v[2], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[1].size()), Doubles(v[2].size())};
    reference::linear_backward<double>(N, C, K, v[0], v[1], dy, d[0], d[1], d[2]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working t;
    for (std::int64_t n = 0; n < N; ++n)
      for (std::int64_t k = 0; k < K; ++k) {
        std::vector<Term> terms;
        for (std::int64_t c = 0; c < C; ++c) terms.push_back({text(c), at(v[0], n * C + c), at(v[1], c * K + k), false});
        t.forward.push_back(product_table(sum_name("y", {n, k}), "c", "x", "w", terms, text("b[", k, "]"), at(v[2], k)));
      }
    std::vector<Term> data, weight, bias;
    for (std::int64_t k = 0; k < K; ++k) data.push_back({text(k), at(dy, k), at(v[1], 2 * K + k), false});
    for (std::int64_t n = 0; n < N; ++n) weight.push_back({text(n), at(v[0], n * C), at(dy, n * K + 1), false});
    for (std::int64_t n = 0; n < N; ++n) bias.push_back({text(n), at(dy, n * K), 1, false});
    t.backward = {product_table("dx[0,2]", "k", "dy", "w", data), product_table("dw[0,1]", "n", "x", "dy", weight),
                  product_table("db[0]", "n", "dy", "times", bias)};
    return t;
  };
  return e;
}

}  // namespace vitrine::op_pages
