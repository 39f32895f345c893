// Batch normalisation, alone and as the op that training runs: with its activation and the residual connection around it.
#include <cmath>
#include <memory>

#include "audit/op_pages/families.h"
#include "audit/op_pages/norms.h"
#include "base/error.h"
#include "layers/batch_norm_reference.h"
#include "layers/blocks/conv_norm_fused.h"
#include "layers/swish_reference.h"

namespace vitrine::op_pages {

NormSteps norm_steps(std::int64_t rows, std::int64_t C, const Doubles& x, const Doubles& gamma, const Doubles& beta,
                     double eps) {
  const reference::Moments<double> m = reference::batch_norm_moments<double>(rows, C, x);
  NormSteps s{m.mean, m.variance, {}, {}, Doubles(x.size()), Doubles(x.size())};
  for (std::size_t c = 0; c < m.mean.size(); ++c) {
    s.deviation.push_back(std::sqrt(m.variance[c] + eps));
    s.scale.push_back(gamma[c] / s.deviation[c]);
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(C);
    s.h[i] = (x[i] - s.mean[c]) / s.deviation[c];
    s.y[i] = gamma[c] * s.h[i] + beta[c];
  }
  return s;
}

NumberTable moments_table(const std::string& caption, const NormSteps& s) {
  NumberTable t{caption, {"channel", "mean", "variance", "sqrt(v + eps)", "gamma / it"}, {}};
  for (std::size_t c = 0; c < s.mean.size(); ++c)
    t.rows.push_back({text(c), number9(s.mean[c]), number9(s.variance[c]), number9(s.deviation[c]), number9(s.scale[c])});
  return t;
}

namespace {

constexpr double kEps = 1e-3;
const Shape kSmall{4, 2};

struct NormExample {
  Shape x;
  std::int64_t rows, C;
};

NormExample set_inputs(Example& e, bool small) {
  const Shape x = small ? kSmall : Shape{1, 28, 28, 240};
  const std::int64_t C = x.back();
  Tensor gamma = small ? tensor({2}, {1.5f, 0.5f}) : drawn({C}, 2, 0.2);
  e.inputs = {{"x", small ? tensor(x, {0.5f, -1, 2, 0.1f, 1, -0.25f, 3, 0.75f}) : drawn(x, 1)},
              {"gamma", std::move(gamma)},
              {"beta", small ? tensor({2}, {0.1f, -0.2f}) : drawn({C}, 3, 0.2)}};
  e.dy = small ? tensor(x, {1, -2, 0.5f, 3, 1, 1, -1, 0.25f}) : drawn(x, 4);
  return {x, x.elements() / C, C};
}

NumberTable sums_table(const NormExample& n, const NormSteps& s, const Doubles& dy) {
  NumberTable t{"Sums over rows", {"channel", "dbeta = sum dy", "dgamma = sum dy h", "mean dy", "mean dy h"}, {}};
  for (std::int64_t c = 0; c < n.C; ++c) {
    double sum = 0, sum_h = 0;
    for (std::int64_t r = 0; r < n.rows; ++r) {
      const auto i = static_cast<std::size_t>(r * n.C + c);
      sum += dy[i], sum_h += dy[i] * s.h[i];
    }
    const auto rows = static_cast<double>(n.rows);
    t.rows.push_back({text(c), number9(sum), number9(sum_h), number9(sum / rows), number9(sum_h / rows)});
  }
  return t;
}

}  // namespace

NumberTable norm_gradient_table(const std::string& caption, std::int64_t rows, std::int64_t C, const NormSteps& s,
                                const Doubles& dy) {
  NumberTable t{caption, {"element", "dy", "h", "dy - mean dy - h mean(dy h)", "dx"}, {}};
  Doubles mean(static_cast<std::size_t>(C)), mean_h(mean);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(C);
    mean[c] += dy[i] / static_cast<double>(rows), mean_h[c] += dy[i] * s.h[i] / static_cast<double>(rows);
  }
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const std::size_t c = i % static_cast<std::size_t>(C);
    const double inner = dy[i] - mean[c] - s.h[i] * mean_h[c];
    t.rows.push_back({text("[", i / static_cast<std::size_t>(C), ",", c, "]"), number(dy[i]), number(s.h[i]), number(inner),
                      number9(s.scale[c] * inner)});
  }
  return t;
}

Example batch_norm_example(Scale scale) {
  Example e;
  const NormExample n = set_inputs(e, scale == Scale::worked);
  e.given = "in training, eps 0.001";
  e.op = [](Tape& tape, const std::vector<Tensor>& v) {
    return batch_norm_train(tape.input(v[0]), tape.input(v[1]), tape.input(v[2]), kEps, nullptr);
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    Doubles y(v[0].size());
    reference::batch_norm_forward<double>(n.rows, n.C, v[0], v[1], v[2],
                                          reference::batch_norm_moments<double>(n.rows, n.C, v[0]), kEps, y);
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[1].size()), Doubles(v[2].size())};
    reference::batch_norm_backward<double>(n.rows, n.C, v[0], v[1], reference::batch_norm_moments<double>(n.rows, n.C, v[0]),
                                           kEps, true, dy, d[0], d[1], d[2]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    const NormSteps s = norm_steps(n.rows, n.C, v[0], v[1], v[2], kEps);
    NumberTable t{"Elements", {"element", "x", "x - mean", "h", "y = gamma h + beta"}, {}};
    for (std::size_t i = 0; i < v[0].size(); ++i)
      t.rows.push_back({element_name(n.x, static_cast<std::int64_t>(i)), number(v[0][i]), number(v[0][i] - s.mean[i % 2]),
                        number(s.h[i]), number9(s.y[i])});
    return Working{{moments_table("Of each channel, over rows", s), t},
                   {sums_table(n, s, dy), norm_gradient_table("By x", n.rows, n.C, s, dy)}};
  };
  return e;
}

Example fused_norm_example(Scale scale) {
  Example e;
  const NormExample n = set_inputs(e, scale == Scale::worked);
  e.inputs.push_back(
      {"skip", scale == Scale::worked ? tensor(kSmall, {0.2f, 0.4f, -0.6f, 0.8f, 1, -1.2f, 1.4f, 1.6f}) : drawn(n.x, 5)});
  e.given = "in training, eps 0.001, swish, a residual connection around it that drops nothing";
  const auto norm = std::make_shared<BatchNorm>();  // its address is the parameters' identity while the tape lives
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    *norm = BatchNorm::identity(n.C, kEps, 0.1);
    norm->gamma.value = v[1], norm->beta.value = v[2];
    norm->running_mean = norm->running_mean.to(v[0].device()), norm->running_var = norm->running_var.to(v[0].device());
    return fused_norm(*norm, tape.input(v[0]), Activation::swish, Pass::train(tape), Residual{tape.input(v[3])});
  };
  const auto gradient_of_u = [=](const Doubles& u, const Doubles& dy) {
    Doubles g(u.size());
    reference::swish_backward<double>(u, dy, g);
    return g;
  };
  e.forward = [=](const std::vector<Doubles>& v) {
    const NormSteps s = norm_steps(n.rows, n.C, v[0], v[1], v[2], kEps);
    Doubles y(v[0].size());
    reference::swish_forward<double>(s.y, y);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += v[3][i];
    return y;
  };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    const NormSteps s = norm_steps(n.rows, n.C, v[0], v[1], v[2], kEps);
    std::vector<Doubles> d{Doubles(v[0].size()), Doubles(v[1].size()), Doubles(v[2].size()), dy};
    reference::batch_norm_backward<double>(n.rows, n.C, v[0], v[1], reference::batch_norm_moments<double>(n.rows, n.C, v[0]),
                                           kEps, true, gradient_of_u(s.y, dy), d[0], d[1], d[2]);
    return d;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dy) {
    const NormSteps s = norm_steps(n.rows, n.C, v[0], v[1], v[2], kEps);
    const Doubles g = gradient_of_u(s.y, dy);
    NumberTable up{"Elements", {"element", "h", "u = BN(x)", "act(u)", "y = skip + it"}, {}};
    NumberTable down{"Behind the activation", {"element", "dy", "act'(u)", "g = dy act'(u)"}, {}};
    Doubles activated(s.y.size());
    reference::swish_forward<double>(s.y, activated);
    for (std::size_t i = 0; i < v[0].size(); ++i) {
      const std::string name = element_name(n.x, static_cast<std::int64_t>(i));
      up.rows.push_back({name, number(s.h[i]), number(s.y[i]), number(activated[i]), number9(v[3][i] + activated[i])});
      down.rows.push_back({name, number(dy[i]), number(g[i] / dy[i]), number(g[i])});
    }
    return Working{{moments_table("Of each channel, over rows", s), up},
                   {down, sums_table(n, s, g), norm_gradient_table("By x, from g in dy's place", n.rows, n.C, s, g)}};
  };
  return e;
}

}  // namespace vitrine::op_pages
