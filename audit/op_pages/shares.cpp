// Rows of scores as shares, and losses.
#include <algorithm>
#include <cmath>

#include "audit/op_pages/families.h"
#include "base/error.h"
#include "layers/cross_entropy.h"
#include "layers/cross_entropy_reference.h"
#include "layers/log_softmax.h"
#include "layers/log_softmax_reference.h"
#include "layers/mean_squared_error.h"
#include "layers/mean_squared_error_reference.h"
#include "layers/softmax.h"
#include "layers/softmax_reference.h"

namespace vitrine::op_pages {
namespace {

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

// What softmax and its relatives make of one row.
struct RowOfShares {
  double most = 0, sum = 0, log_sum = 0;
  Doubles shifted, e, share;

  RowOfShares(const Doubles& x, std::size_t row, std::size_t C) {
    most = *std::max_element(x.begin() + static_cast<std::ptrdiff_t>(row * C),
                             x.begin() + static_cast<std::ptrdiff_t>((row + 1) * C));
    for (std::size_t c = 0; c < C; ++c) {
      shifted.push_back(x[row * C + c] - most);
      e.push_back(std::exp(shifted[c]));
      sum += e[c];
    }
    log_sum = std::log(sum);
    for (const double v : e) share.push_back(v / sum);
  }
};

NumberTable row_table(const Doubles& x, std::size_t row, std::size_t C, bool logarithm) {
  const RowOfShares r(x, row, C);
  NumberTable t{text("Row ", row, ": the largest is m = ", number(r.most)),
                {"c", "x", "x - m", "exp(x - m)", logarithm ? "y = x - m - log sum" : "y = it / sum"},
                {}};
  for (std::size_t c = 0; c < C; ++c)
    t.rows.push_back({text(c), number(x[row * C + c]), number(r.shifted[c]), number(r.e[c]),
                      number9(logarithm ? r.shifted[c] - r.log_sum : r.share[c])});
  t.rows.push_back({"sum", "", "", number9(r.sum), logarithm ? "log sum " + number9(r.log_sum) : "1"});
  return t;
}

NumberTable row_gradient_table(const Doubles& x, const Doubles& dy, std::size_t row, std::size_t C, bool logarithm) {
  const RowOfShares r(x, row, C);
  double total = 0;
  for (std::size_t c = 0; c < C; ++c) total += logarithm ? dy[row * C + c] : dy[row * C + c] * r.share[c];
  NumberTable t{text("Row ", row, logarithm ? ": sum of dy = " : ": sum of dy y = ", number9(total)),
                {"c", "dy", logarithm ? "e^y" : "y", logarithm ? "e^y times the sum" : "dy - the sum", "dx"},
                {}};
  for (std::size_t c = 0; c < C; ++c) {
    const double d = dy[row * C + c], middle = logarithm ? r.share[c] * total : d - total;
    t.rows.push_back(
        {text(c), number(d), number(r.share[c]), number(middle), number9(logarithm ? d - middle : r.share[c] * middle)});
  }
  return t;
}

Example rows_example(Scale scale, bool logarithm) {
  const bool small = scale == Scale::worked;
  Example e;
  const Shape s = small ? Shape{2, 3} : Shape{16, 1000};
  const std::int64_t rows = s[0], C = s[1];
  e.inputs = {{"x", small ? tensor(s, {1, 2, 0.5f, -1, 3, 3}) : drawn(s, 1, 2)}};
  e.dy = small ? tensor(s, {1, -1, 0.5f, 2, 0.25f, -0.5f}) : drawn(s, 2);
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    return logarithm ? log_softmax(tape.input(v[0])) : softmax(tape.input(v[0]));
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(v[0].size());
    logarithm ? reference::log_softmax_forward<double>(rows, C, v[0], y) : reference::softmax_forward<double>(rows, C, v[0], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Doubles dx(v[0].size());
    logarithm ? reference::log_softmax_backward<double>(rows, C, v[0], dy, dx)
              : reference::softmax_backward<double>(rows, C, v[0], dy, dx);
    return std::vector<Doubles>{dx};
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Working w;
    for (std::size_t row = 0; row < size(rows); ++row) {
      w.forward.push_back(row_table(v[0], row, size(C), logarithm));
      w.backward.push_back(row_gradient_table(v[0], dy, row, size(C), logarithm));
    }
    return w;
  };
  return e;
}

constexpr double kSmoothing = 0.1;

Working cross_entropy_working(const Doubles& z, const Doubles& targets, std::size_t N, std::size_t C, double dloss) {
  Working w;
  NumberTable loss{"The mean over samples", {"sample", "its loss", "sum so far", "divided by N"}, {}};
  double sum = 0;
  for (std::size_t n = 0; n < N; ++n) {
    const RowOfShares r(z, n, C);
    NumberTable t{text("Sample ", n, ": m = ", number(r.most), ", sum = ", number(r.sum), ", log sum = ", number(r.log_sum)),
                  {"c", "z", "exp(z - m)", "t'", "t' (log sum + m - z)"},
                  {}};
    NumberTable d{text("Sample ", n), {"c", "softmax", "t'", "softmax - t'", "dz = dloss / N times it"}, {}};
    double of_sample = 0;
    for (std::size_t c = 0; c < C; ++c) {
      const double target = (1 - kSmoothing) * targets[n * C + c] + kSmoothing / static_cast<double>(C),
                   part = target * (r.log_sum - r.shifted[c]);
      of_sample += part;
      t.rows.push_back({text(c), number(z[n * C + c]), number(r.e[c]), number(target), number9(part)});
      d.rows.push_back({text(c), number(r.share[c]), number(target), number(r.share[c] - target),
                        number9(dloss / static_cast<double>(N) * (r.share[c] - target))});
    }
    sum += of_sample;
    loss.rows.push_back({text(n), number9(of_sample), number9(sum), n + 1 == N ? number9(sum / static_cast<double>(N)) : ""});
    w.forward.push_back(std::move(t));
    w.backward.push_back(std::move(d));
  }
  w.forward.push_back(std::move(loss));
  return w;
}

}  // namespace

Example softmax_example(Scale scale) { return rows_example(scale, false); }
Example log_softmax_example(Scale scale) { return rows_example(scale, true); }

Example cross_entropy_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  const Shape s = small ? Shape{2, 3} : Shape{16, 1000};
  const std::int64_t N = s[0], C = s[1];
  Tensor targets = small ? tensor(s, {0, 1, 0, 0.25f, 0, 0.75f}) : Tensor::zeros(s);
  if (!small) {
    for (std::int64_t n = 0; n < N; ++n) targets.mutable_host()[size(n * C + 7 * n)] = 1;
  }
  const Doubles shares = doubles_of(targets);
  e.inputs = {{"logits", small ? tensor(s, {1, 2, 0.5f, -1, 3, 2.5f}) : drawn(s, 1, 2)}};
  e.given =
      small ? "targets [[0, 1, 0], [0.25, 0, 0.75]], label smoothing 0.1" : "one class for each sample, label smoothing 0.1";
  e.output = "loss";
  e.dy = tensor({}, {1});
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    return cross_entropy(tape.input(v[0]), targets.to(v[0].device()), kSmoothing);
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    return Doubles{reference::cross_entropy_forward<double>(N, C, v[0], shares, kSmoothing)};
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Doubles d(v[0].size());
    reference::cross_entropy_backward<double>(N, C, v[0], shares, kSmoothing, dy[0], d);
    return std::vector<Doubles>{d};
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    return cross_entropy_working(v[0], shares, size(N), size(C), dy[0]);
  };
  return e;
}

Example mean_squared_error_example(Scale scale) {
  const bool small = scale == Scale::worked;
  Example e;
  const Shape s = small ? Shape{4} : Shape{16, 1000};
  e.inputs = {{"x", small ? tensor(s, {0.5f, -1, 2, 0.1f}) : drawn(s, 1)},
              {"t", small ? tensor(s, {1, -0.75f, 1.5f, 0.2f}) : drawn(s, 2)}};
  e.output = "loss";
  e.dy = tensor({}, {1});
  e.op = [](Tape& tape, const std::vector<Tensor>& v) { return mean_squared_error(tape.input(v[0]), tape.input(v[1])); };
  e.forward = [](const std::vector<Doubles>& v) { return Doubles{reference::mean_squared_error_forward<double>(v[0], v[1])}; };
  e.backward = [](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[0].size())};
    reference::mean_squared_error_backward<double>(v[0], v[1], dy[0], d[0], d[1]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    NumberTable up{"Squares and their sum", {"i", "x", "t", "x - t", "(x - t)^2", "sum so far"}, {}};
    NumberTable down{"Gradients", {"i", "x - t", "2 / n", "dx", "dt = -dx"}, {}};
    double sum = 0;
    const auto count = static_cast<double>(v[0].size());
    for (std::size_t i = 0; i < v[0].size(); ++i) {
      const double d = v[0][i] - v[1][i], dx = dy[0] * (2 / count) * d;
      sum += d * d;
      up.rows.push_back({text(i), number(v[0][i]), number(v[1][i]), number(d), number(d * d), number9(sum)});
      down.rows.push_back({text(i), number(d), number(2 / count), number9(dx), number9(-dx)});
    }
    up.rows.push_back({text("/ ", v[0].size()), "", "", "", "", number9(sum / count)});
    return Working{{up}, {down}};
  };
  return e;
}

}  // namespace vitrine::op_pages
