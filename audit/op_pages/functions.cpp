// Functions of one value: the quantities between x and y, and between dy and dx, as rows; elements as columns.
#include <algorithm>
#include <cmath>

#include "audit/op_pages/families.h"
#include "base/error.h"
#include "base/nearest.h"
#include "layers/gelu_reference.h"
#include "layers/hard_swish_reference.h"
#include "layers/leaky_relu_reference.h"
#include "layers/relu6_reference.h"
#include "layers/relu_reference.h"
#include "layers/sigmoid.h"
#include "layers/sigmoid_reference.h"
#include "layers/softplus_reference.h"
#include "layers/swish_reference.h"
#include "layers/tanh_reference.h"
#include "layers/unary.h"

namespace vitrine::op_pages {
namespace {

using Forward = void (*)(std::span<const double> x, std::span<double> y);
using Backward = void (*)(std::span<const double> x, std::span<const double> dy, std::span<double> dx);

// A quantity on the way and how it follows from x and dy.
struct Quantity {
  const char* name;
  double (*of)(double x, double dy);
};

struct Function {
  Forward forward;
  Backward backward;
  std::vector<Quantity> up, down;  // the last of each is y and dx
};

double s_of(double x) { return 1 / (1 + std::exp(-x)); }
double share_of(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double density_of(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI); }
double e_of_tanh(double x) { return std::exp(-2 * std::abs(x)); }

std::vector<Quantity> swish_slope() {
  return {{"s", [](double x, double) { return s_of(x); }},
          {"1 - s", [](double x, double) { return 1 - s_of(x); }},
          {"x (1 - s)", [](double x, double) { return x * (1 - s_of(x)); }},
          {"1 + x (1 - s)", [](double x, double) { return 1 + x * (1 - s_of(x)); }},
          {"s (1 + x (1 - s))", [](double x, double) { return s_of(x) * (1 + x * (1 - s_of(x))); }},
          {"dx = dy times it", [](double x, double dy) { return dy * s_of(x) * (1 + x * (1 - s_of(x))); }}};
}

Function smooth_gate(const std::string& name) {
  const Quantity e{"exp(-x)", [](double x, double) { return std::exp(-x); }};
  const Quantity one{"1 + exp(-x)", [](double x, double) { return 1 + std::exp(-x); }};
  if (name == "swish") {
    return {reference::swish_forward<double>,
            reference::swish_backward<double>,
            {e,
             one,
             {"s = 1 / (1 + exp(-x))", [](double x, double) { return s_of(x); }},
             {"y = x s", [](double x, double) { return x * s_of(x); }}},
            swish_slope()};
  }
  if (name == "sigmoid") {
    return {reference::sigmoid_forward<double>,
            reference::sigmoid_backward<double>,
            {e, one, {"y = 1 / (1 + exp(-x))", [](double x, double) { return s_of(x); }}},
            {{"y", [](double x, double) { return s_of(x); }},
             {"1 - y", [](double x, double) { return 1 - s_of(x); }},
             {"y (1 - y)", [](double x, double) { return s_of(x) * (1 - s_of(x)); }},
             {"dx = dy y (1 - y)", [](double x, double dy) { return dy * s_of(x) * (1 - s_of(x)); }}}};
  }
  return {reference::gelu_forward<double>,
          reference::gelu_backward<double>,
          {{"x / sqrt 2", [](double x, double) { return x / std::sqrt(2.0); }},
           {"erfc(-x / sqrt 2)", [](double x, double) { return std::erfc(-x / std::sqrt(2.0)); }},
           {"Phi(x)", [](double x, double) { return share_of(x); }},
           {"y = x Phi(x)", [](double x, double) { return x * share_of(x); }}},
          {{"Phi(x)", [](double x, double) { return share_of(x); }},
           {"phi(x)", [](double x, double) { return density_of(x); }},
           {"x phi(x)", [](double x, double) { return x * density_of(x); }},
           {"Phi(x) + x phi(x)", [](double x, double) { return share_of(x) + x * density_of(x); }},
           {"dx = dy times it", [](double x, double dy) { return dy * (share_of(x) + x * density_of(x)); }}}};
}

Function curve(const std::string& name) {
  if (name == "tanh") {
    return {reference::tanh_forward<double>,
            reference::tanh_backward<double>,
            {{"e = exp(-2 |x|)", [](double x, double) { return e_of_tanh(x); }},
             {"(1 - e) / (1 + e)", [](double x, double) { return (1 - e_of_tanh(x)) / (1 + e_of_tanh(x)); }},
             {"y, with x's sign", [](double x, double) { return std::copysign((1 - e_of_tanh(x)) / (1 + e_of_tanh(x)), x); }}},
            {{"4 e", [](double x, double) { return 4 * e_of_tanh(x); }},
             {"(1 + e)^2", [](double x, double) { return (1 + e_of_tanh(x)) * (1 + e_of_tanh(x)); }},
             {"4 e / (1 + e)^2", [](double x, double) { return 4 * e_of_tanh(x) / ((1 + e_of_tanh(x)) * (1 + e_of_tanh(x))); }},
             {"dx = dy times it",
              [](double x, double dy) { return dy * 4 * e_of_tanh(x) / ((1 + e_of_tanh(x)) * (1 + e_of_tanh(x))); }}}};
  }
  return {reference::softplus_forward<double>,
          reference::softplus_backward<double>,
          {{"max(x, 0)", [](double x, double) { return std::max(x, 0.0); }},
           {"e = exp(-|x|)", [](double x, double) { return std::exp(-std::abs(x)); }},
           {"log(1 + e)", [](double x, double) { return std::log1p(std::exp(-std::abs(x))); }},
           {"y = their sum", [](double x, double) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }}},
          {{"exp(-x)", [](double x, double) { return std::exp(-x); }},
           {"s = 1 / (1 + exp(-x))", [](double x, double) { return s_of(x); }},
           {"dx = dy s", [](double x, double dy) { return dy * s_of(x); }}}};
}

Function lines(const std::string& name) {
  if (name == "relu") {
    return {reference::relu_forward<double>,
            reference::relu_backward<double>,
            {{"y = max(x, 0)", [](double x, double) { return std::max(x, 0.0); }}},
            {{"slope", [](double x, double) { return x > 0 ? 1.0 : 0.0; }},
             {"dx = dy slope", [](double x, double dy) { return x > 0 ? dy : 0.0; }}}};
  }
  if (name == "relu6") {
    return {reference::relu6_forward<double>,
            reference::relu6_backward<double>,
            {{"max(x, 0)", [](double x, double) { return std::max(x, 0.0); }},
             {"y = min(it, 6)", [](double x, double) { return std::min(std::max(x, 0.0), 6.0); }}},
            {{"slope", [](double x, double) { return x > 0 && x < 6 ? 1.0 : 0.0; }},
             {"dx = dy slope", [](double x, double dy) { return x > 0 && x < 6 ? dy : 0.0; }}}};
  }
  if (name == "leaky_relu") {
    return {reference::leaky_relu_forward<double>,
            reference::leaky_relu_backward<double>,
            {{"slope", [](double x, double) { return x > 0 ? 1.0 : static_cast<double>(0.01f); }},
             {"y = slope x", [](double x, double) { return x > 0 ? x : static_cast<double>(0.01f) * x; }}},
            {{"slope", [](double x, double) { return x > 0 ? 1.0 : static_cast<double>(0.01f); }},
             {"dx = dy slope", [](double x, double dy) { return x > 0 ? dy : static_cast<double>(0.01f) * dy; }}}};
  }
  if (name != "hard_swish")
    throw InternalError(text("the op ", name, " has no worked example; add one to audit/op_pages/functions.cpp"));
  return {reference::hard_swish_forward<double>,
          reference::hard_swish_backward<double>,
          {{"x + 3", [](double x, double) { return x + 3; }},
           {"cut to 0..6", [](double x, double) { return std::clamp(x + 3, 0.0, 6.0); }},
           {"x times it", [](double x, double) { return x * std::clamp(x + 3, 0.0, 6.0); }},
           {"y = it / 6", [](double x, double) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }}},
          {{"2 x + 3", [](double x, double) { return 2 * x + 3; }},
           {"slope", [](double x, double) { return x >= 3    ? 1.0
                                                   : x <= -3 ? 0.0
                                                             : (2 * x + 3) / 6; }},
           {"dx = dy slope", [](double x, double dy) { return x >= 3    ? dy
                                                              : x <= -3 ? 0.0
                                                                        : dy * (2 * x + 3) / 6; }}}};
}

Function function_of(const std::string& name) {
  if (name == "swish" || name == "sigmoid" || name == "gelu") return smooth_gate(name);
  if (name == "tanh" || name == "softplus") return curve(name);
  return lines(name);
}

NumberTable table_of(const std::string& caption, const std::vector<Quantity>& quantities, const Doubles& x, const Doubles& dy,
                     bool backward) {
  NumberTable table{caption, {"quantity"}, {}};
  for (std::size_t i = 0; i < x.size(); ++i) table.columns.push_back(text("[", i, "]"));
  const auto row = [&](const std::string& name, const auto& value) {
    std::vector<std::string> cells{name};
    for (std::size_t i = 0; i < x.size(); ++i) cells.push_back(number(value(i)));
    table.rows.push_back(std::move(cells));
  };
  row("x", [&](std::size_t i) { return x[i]; });
  if (backward) row("dy", [&](std::size_t i) { return dy[i]; });
  for (const Quantity& q : quantities) row(q.name, [&](std::size_t i) { return q.of(x[i], dy[i]); });
  return table;
}

std::vector<std::string> unary_names() {
  std::vector<std::string> names;
  for (int f = 0;; ++f) {
    try {
      names.emplace_back(unary_name(static_cast<Unary>(f)));
    } catch (const InternalError&) {
      return names;  // the list has ended
    }
  }
}

}  // namespace

std::vector<std::string> function_examples() {
  std::vector<std::string> names = unary_names();
  names.emplace_back("sigmoid");
  return names;
}

Example function_example(std::string_view op, Scale scale) {
  const std::vector<std::string> names = function_examples();
  const std::size_t which = chosen_name("the op", op, names);
  const Function function = function_of(names[which]);
  const bool small = scale == Scale::worked;
  const Shape shape = small ? Shape{5} : Shape{1, 32, 32, 96};
  Example e;
  e.inputs = {{"x", small ? tensor(shape, {-4, -0.75f, 0.5f, 2, 7}) : drawn(shape, 1, 2)}};
  e.dy = small ? tensor(shape, {1, -2, 1, 0.5f, -1}) : drawn(shape, 2);
  e.op = [=](Tape& tape, const std::vector<Tensor>& values) {
    const Variable x = tape.input(values[0]);
    return names[which] == "sigmoid" ? sigmoid(x) : unary(static_cast<Unary>(which), x);
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(v[0].size());
    function.forward(v[0], y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    Doubles dx(v[0].size());
    function.backward(v[0], dy, dx);
    return std::vector<Doubles>{dx};
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    return Working{{table_of("Every number from x to y", function.up, v[0], dy, false)},
                   {table_of("Every number from dy to dx", function.down, v[0], dy, true)}};
  };
  return e;
}

}  // namespace vitrine::op_pages
