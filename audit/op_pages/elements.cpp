// Ops that work element by element, or that only move values.
#include <algorithm>

#include "audit/op_pages/families.h"
#include "autograd/reshape.h"
#include "base/error.h"
#include "layers/add.h"
#include "layers/add_reference.h"
#include "layers/drop_connect.h"
#include "layers/drop_connect_reference.h"
#include "layers/dropout.h"
#include "layers/dropout_reference.h"
#include "layers/multiply.h"
#include "layers/multiply_reference.h"
#include "layers/scale_channels.h"
#include "layers/scale_channels_reference.h"

namespace vitrine::op_pages {
namespace {

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

// One row for each element: its name, then the numbers.
NumberTable element_table(const std::string& caption, std::vector<std::string> columns, const Shape& shape,
                          const std::function<Doubles(std::size_t)>& of) {
  columns.insert(columns.begin(), "element");
  NumberTable table{caption, std::move(columns), {}};
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    std::vector<std::string> row{element_name(shape, i)};
    for (const double v : of(size(i))) row.push_back(number(v));
    table.rows.push_back(std::move(row));
  }
  return table;
}

const Shape kBlockOutput{1, 14, 14, 112};  // where b0 adds a residual

void set_pair(Example& e, bool small) {
  const Shape s = small ? Shape{4} : kBlockOutput;
  e.inputs = {{"a", small ? tensor(s, {0.5f, -1, 2, 0.1f}) : drawn(s, 1)},
              {"b", small ? tensor(s, {1, 0.25f, -0.5f, 0.2f}) : drawn(s, 2)}};
  e.dy = small ? tensor(s, {1, -2, 0.5f, 3}) : drawn(s, 3);
}

Example drop_example(Scale scale, bool elements) {
  const bool small = scale == Scale::worked;
  Example e;
  const Shape s = small ? Shape{4, 2} : elements ? Shape{16, 1280} : Shape{16, 14, 14, 112};
  const double rate = 0.5;
  const DropKey key{.seed = 1, .epoch = 0, .first_sample = 0};
  const std::int64_t N = s[0], each = s.elements() / N;
  e.inputs = {{"x", small ? tensor(s, {0.5f, -1, 2, 0.1f, 1, -0.25f, 3, 0.75f}) : drawn(s, 1)}};
  e.dy = small ? tensor(s, {1, -2, 0.5f, 3, 1, 1, -1, 0.25f}) : drawn(s, 3);
  e.given = "rate 0.5; the draws of seed 1, epoch 0, samples from 0, op 0";
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    return elements ? dropout(tape.input(v[0]), rate, key, 0) : drop_connect(tape.input(v[0]), rate, key, 0);
  };
  const std::vector<float> drawn_factors =
      elements ? reference::dropout_factors(N, each, rate, key, 0) : reference::drop_connect_factors(N, rate, key, 0);
  const auto apply = [=](const Doubles& x) {
    Doubles y(x.size());
    if (elements) {
      reference::dropout_apply<double>(N, each, x, drawn_factors, y);
    } else {
      reference::drop_connect_apply<double>(N, each, x, drawn_factors, y);
    }
    return y;
  };
  e.forward = [=](const std::vector<Doubles>& v) { return apply(v[0]); };
  e.backward = [=](const std::vector<Doubles>&, const Doubles& dy) { return std::vector<Doubles>{apply(dy)}; };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    const auto m = [=](std::size_t i) { return static_cast<double>(drawn_factors[elements ? i : i / size(each)]); };
    const auto u = [=](std::size_t i) {
      if (elements)
        return static_cast<double>(reference::dropout_draw(key, static_cast<std::int64_t>(i) / each, 0)
                                       .uniform_float(static_cast<std::uint32_t>(static_cast<std::int64_t>(i) % each)));
      return static_cast<double>(
          Draw{key.seed, Purpose::drop_connect, key.epoch, static_cast<std::uint32_t>(static_cast<std::int64_t>(i) / each), 0}
              .uniform_float(0));
    };
    Working w;
    w.forward = {element_table("Draws, factors and products", {"draw", "m", "x", "y = x m"}, s, [&](std::size_t i) {
      return Doubles{u(i), m(i), v[0][i], v[0][i] * m(i)};
    })};
    w.backward = {element_table("The same factors again", {"m", "dy", "dx = dy m"}, s, [&](std::size_t i) {
      return Doubles{m(i), dy[i], dy[i] * m(i)};
    })};
    return w;
  };
  return e;
}

}  // namespace

Example add_example(Scale scale) {
  Example e;
  set_pair(e, scale == Scale::worked);
  const Shape s = e.dy.shape();
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return add(tape.input(v[0]), tape.input(v[1])); };
  e.forward = [](const std::vector<Doubles>& v) {
    Doubles y(v[0].size());
    reference::add_forward<double>(v[0], v[1], y);
    return y;
  };
  e.backward = [](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[0].size())};
    reference::add_backward<double>(dy, d[0], d[1]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    return Working{{element_table("Sums", {"a", "b", "y = a + b"}, s,
                                  [&](std::size_t i) {
                                    return Doubles{v[0][i], v[1][i], v[0][i] + v[1][i]};
                                  })},
                   {element_table("Both gradients are dy", {"dy", "da", "db"}, s, [&](std::size_t i) {
                     return Doubles{dy[i], dy[i], dy[i]};
                   })}};
  };
  return e;
}

Example multiply_example(Scale scale) {
  Example e;
  set_pair(e, scale == Scale::worked);
  const Shape s = e.dy.shape();
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return multiply(tape.input(v[0]), tape.input(v[1])); };
  e.forward = [](const std::vector<Doubles>& v) {
    Doubles y(v[0].size());
    reference::multiply_forward<double>(v[0], v[1], y);
    return y;
  };
  e.backward = [](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[0].size())};
    reference::multiply_backward<double>(v[0], v[1], dy, d[0], d[1]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    return Working{{element_table("Products", {"a", "b", "y = a b"}, s,
                                  [&](std::size_t i) {
                                    return Doubles{v[0][i], v[1][i], v[0][i] * v[1][i]};
                                  })},
                   {element_table("Products with dy", {"dy", "da = dy b", "db = dy a"}, s, [&](std::size_t i) {
                     return Doubles{dy[i], dy[i] * v[1][i], dy[i] * v[0][i]};
                   })}};
  };
  return e;
}

Example scale_channels_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  const Shape x = small ? Shape{1, 2, 2, 2} : Shape{1, 14, 14, 480};
  const std::int64_t pixels = x[1] * x[2], C = x[3];
  e.inputs = {{"x", small ? tensor(x, {0.5f, -1, 2, 0.1f, 1, -0.25f, 3, 0.75f}) : drawn(x, 1)},
              {"s", small ? tensor({1, 2}, {0.75f, 0.2f}) : drawn({1, C}, 2, 0.3)}};
  e.dy = small ? tensor(x, {1, -2, 0.5f, 3, 1, 1, -1, 0.25f}) : drawn(x, 3);
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return scale_channels(tape.input(v[0]), tape.input(v[1])); };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(v[0].size());
    reference::scale_channels_forward<double>(1, pixels, C, v[0], v[1], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[1].size())};
    reference::scale_channels_backward<double>(1, pixels, C, v[0], v[1], dy, d[0], d[1]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    const auto s = [&](std::size_t i) { return v[1][i % size(C)]; };
    Working w;
    w.forward = {element_table("Products with the channel's factor", {"x", "s", "y = x s"}, x, [&](std::size_t i) {
      return Doubles{v[0][i], s(i), v[0][i] * s(i)};
    })};
    w.backward = {element_table("By x", {"dy", "s", "dx = dy s"}, x, [&](std::size_t i) {
      return Doubles{dy[i], s(i), dy[i] * s(i)};
    })};
    NumberTable sum{"By s: ds[0,0], pixel by pixel", {"pixel", "dy", "x", "dy x", "sum so far, float64"}, {}};
    double so_far = 0;
    for (std::size_t p = 0; p < size(pixels); ++p) {
      const std::size_t i = p * size(C);
      so_far += dy[i] * v[0][i];
      sum.rows.push_back({text(p / 2, ",", p % 2), number(dy[i]), number(v[0][i]), number(dy[i] * v[0][i]), number9(so_far)});
    }
    w.backward.push_back(std::move(sum));
    return w;
  };
  return e;
}

Example dropout_example(Scale scale) { return drop_example(scale, true); }
Example drop_connect_example(Scale scale) { return drop_example(scale, false); }

Example reshape_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  const Shape from = small ? Shape{2, 3} : Shape{1, 7, 7, 1280}, to = small ? Shape{3, 2} : Shape{1, 62720};
  e.inputs = {{"x", small ? tensor(from, {1, 2, 3, 4, 5, 6}) : drawn(from, 1)}};
  e.dy = small ? tensor(to, {1, -1, 0.5f, 2, 0.25f, -2}) : drawn(to, 2);
  e.given = text("from ", from.text(), " to ", to.text());
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) { return reshape(tape.input(v[0]), to); };
  e.forward = [](const std::vector<Doubles>& v) { return v[0]; };
  e.backward = [](const std::vector<Doubles>&, const Doubles& dy) { return std::vector<Doubles>{dy}; };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    const auto moved = [](const std::string& caption, const char* a, const char* b, const Shape& left, const Shape& right,
                          const Doubles& values) {
      NumberTable t{caption, {"place in memory", a, b, "value"}, {}};
      for (std::size_t i = 0; i < values.size(); ++i)
        t.rows.push_back({text(i), element_name(left, static_cast<std::int64_t>(i)),
                          element_name(right, static_cast<std::int64_t>(i)), number(values[i])});
      return t;
    };
    return Working{{moved("The same memory under both shapes", "x", "y", from, to, v[0])},
                   {moved("And back", "dy", "dx", to, from, dy)}};
  };
  return e;
}

}  // namespace vitrine::op_pages
