// Pooling over windows and over whole images.
#include <cmath>

#include "audit/op_pages/families.h"
#include "base/error.h"
#include "layers/average_pool2d.h"
#include "layers/average_pool2d_reference.h"
#include "layers/global_average_pool.h"
#include "layers/global_average_pool_reference.h"
#include "layers/global_max_pool.h"
#include "layers/global_max_pool_reference.h"
#include "layers/max_pool2d.h"
#include "layers/max_pool2d_reference.h"

namespace vitrine::op_pages {
namespace {

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

// 3 x 3 pixels of two channels, or the map of a block of b0.
void set_image(Example& e, bool small, const Shape& large) {
  const Shape x = small ? Shape{1, 3, 3, 2} : large;
  e.inputs = {{"x", small ? tensor(x, {0.5f, -1, 1, 2, -0.5f, 0.25f, 1.5f, 0, -2, 1, 0.75f, 3, 1, -1, 0.1f, 0.2f, -0.3f, 0.7f})
                          : drawn(x, 1)}};
}

Tensor upstream(const Shape& y, bool small) {
  if (!small) return drawn(y, 4);
  Tensor dy = Tensor::uninitialized(y);
  const float values[] = {1, -1, 0.5f, 2, -0.5f, 0.25f, 1.5f, 1};
  for (std::size_t i = 0; i < dy.mutable_host().size(); ++i) dy.mutable_host()[i] = values[i % std::size(values)];
  return dy;
}

struct Tap {
  std::string at;
  std::int64_t index;  // of x
};

// The taps of y[0,p,q,c] inside the image.
std::vector<Tap> taps_of(const ConvShape& z, std::int64_t p, std::int64_t q, std::int64_t c) {
  std::vector<Tap> taps;
  for (std::int64_t r = 0; r < z.R; ++r)
    for (std::int64_t s = 0; s < z.S; ++s) {
      const std::int64_t h = p * z.stride + r - z.padding.top, v = q * z.stride + s - z.padding.left;
      if (h >= 0 && h < z.H && v >= 0 && v < z.W) taps.push_back({text(r, ",", s), (h * z.W + v) * z.C + c});
    }
  return taps;
}

// Taps one after the other: a running sum, or the largest so far.
NumberTable running_table(const std::string& caption, const std::string& what, const std::vector<Tap>& taps, const Doubles& x,
                          bool sum) {
  NumberTable table{caption, {"tap", "x", what}, {}};
  double so_far = sum ? 0 : -INFINITY;
  for (const Tap& tap : taps) {
    const double value = x[size(tap.index)];
    so_far = sum ? static_cast<double>(static_cast<float>(so_far) + static_cast<float>(value)) : std::max(so_far, value);
    table.rows.push_back({tap.at, number(value), number9(so_far)});
  }
  return table;
}

// What each output gives to one element of dx.
NumberTable share_table(const std::string& caption, const std::string& share, const ConvShape& z, const Doubles& dy,
                        std::int64_t element, const std::function<double(const std::vector<Tap>&, std::int64_t)>& share_of) {
  NumberTable table{caption, {"window p,q", "dy", share, "product", "sum so far"}, {}};
  float sum = 0;
  for (std::int64_t p = 0; p < z.P; ++p)
    for (std::int64_t q = 0; q < z.Q; ++q) {
      const std::vector<Tap> taps = taps_of(z, p, q, element % z.C);
      bool holds = false;
      for (const Tap& tap : taps) holds = holds || tap.index == element;
      if (!holds) continue;
      const double above = dy[size((p * z.Q + q) * z.C + element % z.C)], part = share_of(taps, element);
      sum += static_cast<float>(above * part);
      table.rows.push_back(
          {text(p, ",", q), number(above), number(part), number(above * part), number9(static_cast<double>(sum))});
    }
  return table;
}

}  // namespace

Example average_pool2d_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  set_image(e, small, {1, 28, 28, 240});
  const PoolOptions options{2, 1, 1};
  const ConvShape z = pool_shape("average_pool2d", e.inputs[0].value.shape(), options);
  e.given = "window 2, stride 1, padding 1 that is not counted";
  e.dy = upstream({1, z.P, z.Q, z.C}, small);
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) { return average_pool2d(tape.input(v[0]), options, false); };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(z.P * z.Q * z.C));
    reference::average_pool2d_forward<double>(z, false, v[0], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size())};
    reference::average_pool2d_backward<double>(z, false, dy, d[0]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working w;
    for (const std::int64_t at : {std::int64_t{0}, std::int64_t{1}}) {
      const std::vector<Tap> taps = taps_of(z, at, at, 0);
      NumberTable t = running_table(text("y[0,", at, ",", at, ",0], tap by tap"), "sum so far", taps, v[0], true);
      float sum = 0;
      for (const Tap& tap : taps) sum += static_cast<float>(v[0][size(tap.index)]);
      t.rows.push_back(
          {text("divided by ", taps.size()), "", number9(static_cast<double>(sum / static_cast<float>(taps.size())))});
      w.forward.push_back(std::move(t));
    }
    w.backward = {share_table("dx[0,1,1,0], window by window", "1 / count", z, dy, 8,
                              [](const std::vector<Tap>& taps, std::int64_t) { return 1 / static_cast<double>(taps.size()); })};
    return w;
  };
  return e;
}

Example max_pool2d_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  set_image(e, small, {1, 28, 28, 240});
  const PoolOptions options{2, 1, 0};
  const ConvShape z = pool_shape("max_pool2d", e.inputs[0].value.shape(), options);
  e.given = "window 2, stride 1, no padding";
  e.dy = upstream({1, z.P, z.Q, z.C}, small);
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) { return max_pool2d(tape.input(v[0]), options); };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(z.P * z.Q * z.C));
    reference::max_pool2d_forward<double>(z, v[0], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size())};
    reference::max_pool2d_backward<double>(z, v[0], dy, d[0]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working w;
    w.forward = {running_table("y[0,0,0,0], tap by tap", "largest so far", taps_of(z, 0, 0, 0), v[0], false),
                 running_table("y[0,1,1,1], tap by tap", "largest so far", taps_of(z, 1, 1, 1), v[0], false)};
    w.backward = {share_table("dx[0,1,0,0], window by window", "1 if the maximum", z, dy, 6,
                              [&](const std::vector<Tap>& taps, std::int64_t element) {
                                std::int64_t best = taps.front().index;
                                for (const Tap& tap : taps) best = v[0][size(tap.index)] > v[0][size(best)] ? tap.index : best;
                                return best == element ? 1.0 : 0.0;
                              })};
    return w;
  };
  return e;
}

Example global_average_pool_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  set_image(e, small, {1, 7, 7, 1280});
  const Shape& x = e.inputs[0].value.shape();
  const std::int64_t pixels = x[1] * x[2], C = x[3];
  e.dy = upstream({1, C}, small);
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return global_average_pool(tape.input(v[0])); };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(C));
    reference::global_average_pool_forward<double>(1, pixels, C, v[0], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size())};
    reference::global_average_pool_backward<double>(1, pixels, C, dy, d[0]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working w;
    for (std::int64_t c = 0; c < C; ++c) {
      NumberTable t{text("y[0,", c, "], pixel by pixel"), {"pixel", "x", "sum so far, float64"}, {}};
      double sum = 0;
      for (std::int64_t p = 0; p < pixels; ++p) {
        sum += v[0][size(p * C + c)];
        t.rows.push_back({text(p / 3, ",", p % 3), number(v[0][size(p * C + c)]), number9(sum)});
      }
      t.rows.push_back({text("divided by ", pixels), "", number9(sum / static_cast<double>(pixels))});
      w.forward.push_back(std::move(t));
    }
    NumberTable t{"dx[0,h,w,c], the same at every pixel", {"channel", "dy", "dx = dy / 9"}, {}};
    for (std::int64_t c = 0; c < C; ++c)
      t.rows.push_back({text(c), number(dy[size(c)]), number9(dy[size(c)] / static_cast<double>(pixels))});
    w.backward = {std::move(t)};
    return w;
  };
  return e;
}

Example global_max_pool_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  set_image(e, small, {1, 7, 7, 1280});
  const Shape& x = e.inputs[0].value.shape();
  const std::int64_t pixels = x[1] * x[2], C = x[3];
  e.dy = upstream({1, C}, small);
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return global_max_pool(tape.input(v[0])); };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(size(C));
    reference::global_max_pool_forward<double>(1, pixels, C, v[0], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size())};
    reference::global_max_pool_backward<double>(1, pixels, C, v[0], dy, d[0]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working w;
    NumberTable back{"Where dy goes", {"channel", "pixel of the maximum", "dx there = dy", "dx elsewhere"}, {}};
    for (std::int64_t c = 0; c < C; ++c) {
      std::vector<Tap> taps;
      std::int64_t best = 0;
      for (std::int64_t p = 0; p < pixels; ++p) {
        taps.push_back({text(p / 3, ",", p % 3), p * C + c});
        best = v[0][size(p * C + c)] > v[0][size(best * C + c)] ? p : best;
      }
      w.forward.push_back(running_table(text("y[0,", c, "], pixel by pixel"), "largest so far", taps, v[0], false));
      back.rows.push_back({text(c), text(best / 3, ",", best % 3), number(dy[size(c)]), "0"});
    }
    w.backward = {std::move(back)};
    return w;
  };
  return e;
}

}  // namespace vitrine::op_pages
