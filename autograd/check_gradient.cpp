#include "autograd/check_gradient.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

constexpr int kSteps = 7;                // t, t/2, ... at most
constexpr int kOrders = 3;               // of the extrapolation: t^2, t^4, t^6
constexpr double kNoise = 64 * 0x1p-24;  // of the largest output
constexpr double kFirstChange = 0.1;     // of L, by the first step
constexpr double kFirstMove = 0.25;      // of an input's root mean square

using Values = std::vector<double>;

std::vector<float> host_values(const Tensor& t) {
  const Tensor here = t.to(Device::cpu());
  return {here.host().begin(), here.host().end()};
}

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

struct Derivative {
  double difference = 0;  // of the quotient and the tape's
  double noise = 0;       // of the quotient
};

class Checker {
 public:
  Checker(const CheckedFunction& f, const GradientCheckOptions& options) : f_(f), options_(options) {}

  GradientCheck run() {
    result_.bound = options_.tolerance;
    result_.ok = true;
    if (!start()) {
      result_.ok = false;
      return result_;
    }
    for (std::size_t k = 0; k < f_.inputs.size(); ++k) check_input(k);
    if (result_.compared == 0) {
      result_.ok = false;
      result_.reason = "no input has an element, so there is nothing to compare";
    }
    return result_;
  }

 private:
  bool start();
  void check_input(std::size_t k);
  void compare(std::size_t k, const Values& u, double scale, double most, const std::string& where);
  Derivative extrapolated(std::size_t k, const Values& u, double step, double enough);
  Derivative at_step(std::size_t k, const Values& u, double step);
  std::vector<float> output(const std::vector<Tensor>& values) const {
    Tape tape;
    return host_values(f_.output(tape, values).tensor());
  }
  // x + t u, rounded to float32
  Tensor moved(std::size_t k, const Values& u, double t) const {
    std::vector<float> x = x_[k];
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) + t * u[i]);
    return Tensor::from(f_.inputs[k].shape(), x).to(f_.inputs[k].device());
  }
  Draw draw(std::size_t k, std::uint32_t sample) const {
    return {.seed = options_.seed, .purpose = Purpose::audit, .sample = sample, .op = static_cast<std::uint32_t>(k)};
  }

  const CheckedFunction& f_;
  const GradientCheckOptions& options_;
  GradientCheck result_;
  std::vector<std::vector<float>> x_, g_;
  std::vector<float> dy_;
  double largest_output_ = 0, size_of_loss_ = 0;
};

// One pass with gradients, and another that must give the same output.
bool Checker::start() {
  Tape tape;
  const Variable y = f_.output(tape, f_.inputs);
  if (y.tape() != &tape) {
    result_.reason = "the function's output does not depend on its inputs through the tape";
    return false;
  }
  const std::vector<float> values = host_values(y.tensor());
  dy_.resize(values.size(), 1.0f);
  for (std::size_t i = 0; values.size() > 1 && i < values.size(); ++i)
    dy_[i] = static_cast<float>(draw(f_.inputs.size(), 0).normal(static_cast<std::uint32_t>(i)));
  const Gradients gradients = tape.backward(y, Tensor::from(y.shape(), dy_).to(y.tensor().device()));
  bool finite = true;
  for (const float v : values) {
    finite = finite && std::isfinite(v);
    largest_output_ = std::max(largest_output_, std::abs(static_cast<double>(v)));
  }
  size_of_loss_ = largest_output_ * root_mean_square(dy_) * std::sqrt(static_cast<double>(dy_.size()));
  for (std::size_t k = 0; k < f_.inputs.size(); ++k) {
    const Tensor g = f_.gradient(gradients, k);
    if (g.defined() && !(g.shape() == f_.inputs[k].shape())) {
      result_.reason = text("the gradient of ", f_.names[k], " is ", g.shape().text(), " but ", f_.names[k], " is ",
                            f_.inputs[k].shape().text());
      return false;
    }
    x_.push_back(host_values(f_.inputs[k]));
    g_.push_back(g.defined() ? host_values(g) : std::vector<float>(x_.back().size()));
    for (const float v : g_.back()) finite = finite && std::isfinite(v);
  }
  if (!finite) result_.reason = "an output or a gradient is not finite";
  const std::vector<float> again = output(f_.inputs);
  if (again.size() != values.size() || std::memcmp(again.data(), values.data(), values.size() * sizeof(float)) != 0)
    result_.reason = "the function gives another output when it is asked again for the same inputs";
  return result_.reason.empty();
}

void Checker::check_input(std::size_t k) {
  const std::vector<float>& g = g_[k];
  const std::size_t n = g.size();
  const std::string& name = f_.names[k];
  Values u(n);
  const auto length_of = [&](const Values& along) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += std::abs(static_cast<double>(g[i]) * along[i]);
    return sum;
  };
  const auto most_of = [&](const Values& along) {
    double most = 0;
    for (const double v : along) most = std::max(most, std::abs(v));
    return most;
  };
  for (int d = 0; n > 0 && d <= options_.directions; ++d) {
    const Draw source = draw(k, static_cast<std::uint32_t>(d));
    for (std::size_t i = 0; i < n; ++i) {
      u[i] = source.normal(static_cast<std::uint32_t>(i));
      if (d == 0 && g[i] != 0) u[i] = std::copysign(u[i], static_cast<double>(g[i]));
    }
    compare(k, u, length_of(u), most_of(u),
            text(d == 0 ? "the direction of the signs of the gradient by " : "a direction of ", name));
  }
  double largest = 0;
  for (const float v : g) largest = std::max(largest, std::abs(static_cast<double>(v)));
  const Draw source = draw(k, static_cast<std::uint32_t>(options_.directions + 1));
  const bool all = n <= static_cast<std::size_t>(std::max(options_.elements, 0));
  const auto count = all ? n : static_cast<std::size_t>(std::max(options_.elements, 0));
  for (std::size_t e = 0; e < count; ++e) {
    const std::size_t at = all ? e : source.below(static_cast<std::uint32_t>(e), static_cast<std::uint32_t>(n));
    std::ranges::fill(u, 0.0);
    u[at] = 1;
    compare(k, u, largest, 1, text(name, "[", at, "]"));
  }
}

void Checker::compare(std::size_t k, const Values& u, double scale, double most, const std::string& where) {
  double slope = 0;
  for (std::size_t i = 0; i < u.size(); ++i) slope += static_cast<double>(g_[k][i]) * u[i];
  const double rms = root_mean_square(x_[k]);
  double step = kFirstMove * (rms > 0 ? rms : 1) / std::max(most, 1e-30);
  if (step * std::abs(slope) > kFirstChange * size_of_loss_) step = kFirstChange * size_of_loss_ / std::abs(slope);
  const Derivative d = extrapolated(k, u, step, 0.05 * options_.tolerance * scale);
  const double quotient = slope + d.difference;
  scale = std::max(scale, std::abs(quotient));
  ++result_.compared;
  if (d.noise >= (0.01 - options_.tolerance) * scale) ++result_.below_noise;
  const double allowed = scale + d.noise / options_.tolerance;
  const double share = d.difference == 0 ? 0 : std::abs(d.difference) / allowed;
  if (share <= result_.largest && result_.compared > 1) return;
  result_.largest = share;
  result_.where = where;
  result_.tape = slope;
  result_.quotient = quotient;
  if (!(share <= options_.tolerance)) result_.ok = false;
}

// Quotients at ever smaller steps, extrapolated to 0; of all estimates the one that differs least from those that it was made of, and no more
// steps than it takes to come below `enough`.
Derivative Checker::extrapolated(std::size_t k, const Values& u, double step, double enough) {
  double before[kOrders + 1] = {}, now[kOrders + 1] = {};
  Derivative best;
  double least = std::numeric_limits<double>::infinity();
  for (int row = 0; row < kSteps; ++row, step /= 2) {
    const Derivative here = at_step(k, u, step);
    now[0] = here.difference;
    if (row == 0) best = here;
    double factor = 1;
    for (int order = 1; order <= std::min(row, kOrders); ++order) {
      factor *= 4;
      now[order] = (factor * now[order - 1] - before[order - 1]) / (factor - 1);
      const double error = std::max(std::abs(now[order] - now[order - 1]), std::abs(now[order] - before[order - 1]));
      if (error >= least) continue;
      least = error;
      best = {now[order], 2 * here.noise};
    }
    std::ranges::copy(now, before);
    if (least <= enough || (row > 0 && least <= 0.01 * here.noise)) break;
  }
  return best;
}

// (L(x + t u) - L(x - t u)) / 2 t, less what the tape says to the same displacement, which float32 has rounded.
Derivative Checker::at_step(std::size_t k, const Values& u, double step) {
  std::vector<Tensor> values = f_.inputs;
  values[k] = moved(k, u, step);
  const std::vector<float> up = output(values), x_up = host_values(values[k]);
  values[k] = moved(k, u, -step);
  const std::vector<float> down = output(values), x_down = host_values(values[k]);
  if (up.size() != dy_.size() || down.size() != dy_.size())
    throw ShapeError("check_gradient: the output's shape depends on the values of the inputs");
  double change = 0, touched = 0, most = 0, expected = 0;
  for (std::size_t i = 0; i < dy_.size(); ++i) {
    const double dy = static_cast<double>(dy_[i]);
    change += dy * (static_cast<double>(up[i]) - static_cast<double>(down[i]));
    if (up[i] != down[i]) touched += dy * dy;
    most = std::max(most, std::abs(dy));
  }
  for (std::size_t i = 0; i < x_up.size(); ++i)
    expected += static_cast<double>(g_[k][i]) * (static_cast<double>(x_up[i]) - static_cast<double>(x_down[i]));
  return {(change - expected) / (2 * step), kNoise * largest_output_ * std::max(std::sqrt(touched), most) / (2 * step)};
}

}  // namespace

std::string GradientCheck::text() const {
  if (!reason.empty()) return vitrine::text("check_gradient: ", reason);
  std::string all = vitrine::text(ok ? "gradients agree with " : "gradients differ from ", compared, " difference quotients: ");
  all += vitrine::text(ok ? "nearest to the bound is " : "furthest from the bound is ", where, ", where the tape has ", tape,
                       " and the quotient is ", quotient, ", which is ", largest, " of the scale, bound ", bound);
  if (below_noise > 0) all += vitrine::text(" (", below_noise, " are too small for float32 to tell)");
  return all;
}

GradientCheck check_gradient(const CheckedFunction& f, const GradientCheckOptions& options) {
  if (options.directions < 0 || options.elements < 0 || !(options.tolerance > 0 && options.tolerance < 0.01))
    throw UsageError(vitrine::text("check_gradient: ", options.directions, " directions, ", options.elements,
                                   " elements, tolerance ", options.tolerance,
                                   "; the first two are at least 0, the tolerance lies between 0 and 0.01"));
  return Checker(f, options).run();
}

GradientCheck check_gradient(const std::function<Variable(std::span<const Variable>)>& f, std::span<const Tensor> inputs,
                             const GradientCheckOptions& options) {
  CheckedFunction checked;
  std::vector<Variable> leaves;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    checked.names.push_back(text("input ", k));
    checked.inputs.push_back(inputs[k]);
  }
  checked.output = [&](Tape& tape, const std::vector<Tensor>& values) {
    leaves.clear();
    for (const Tensor& value : values) leaves.push_back(tape.input(value));
    return f(leaves);
  };
  checked.gradient = [&](const Gradients& gradients, std::size_t input) { return gradients.of(leaves[input]); };
  return check_gradient(checked, options);
}

}  // namespace vitrine
