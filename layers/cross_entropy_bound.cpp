// Shadows of cross-entropy: layers/cross_entropy.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

// exp and log of float64 are within 2 ulp (tensor/math.h); an exponent up to 745, where exp ends, is rounded itself. Both for kernel and shadow.
constexpr double kExponential = 2 * (2 + 745 + 2) * kWideRoundoff;

struct Loss {
  Values logits, targets;
  std::int64_t N, C;
  double smoothing;

  explicit Loss(const SeenOp& op)
      : logits(op.tensor("logits")),
        targets(op.tensor("targets")),
        N(op.tensor("logits").shape()[0]),
        C(op.tensor("logits").shape()[1]),
        smoothing(op.number("smoothing")) {}

  double target(std::int64_t i) const { return (1 - smoothing) * targets[i] + smoothing / static_cast<double>(C); }
  double most(std::int64_t n) const {
    double m = logits[n * C];
    for (std::int64_t c = 1; c < C; ++c) m = std::max(m, logits[n * C + c]);
    return m;
  }
  Bounded exponential(std::int64_t i, double shift) const {
    const double e = std::exp(logits[i] - shift);
    return {e, kExponential * e};
  }
  Bounded sum(std::int64_t n, double shift) const {
    WideSum all;
    for (std::int64_t c = 0; c < C; ++c) all.add(exponential(n * C + c, shift));
    return all.result();
  }
};

std::vector<Shadow> forward(const SeenOp& op) {
  return {shadow_of("y", op.output, op.tensor("logits").size(), [loss = Loss(op)](std::int64_t) {
    WideSum total;
    for (std::int64_t n = 0; n < loss.N; ++n) {
      const double most = loss.most(n);
      const Bounded sum = loss.sum(n, most);
      const double log_sum = std::log(sum.value), log_bound = 2 * sum.bound / sum.value + 6 * kWideRoundoff * log_sum;
      for (std::int64_t c = 0; c < loss.C; ++c) {
        const double t = loss.target(n * loss.C + c), distance = most - loss.logits[n * loss.C + c];
        if (t != 0) total.add(Bounded{t * (log_sum + distance), t * (log_bound + 12 * kWideRoundoff * (log_sum + distance))});
      }
    }
    return rounded(total.result(static_cast<double>(loss.N)));
  })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  return {shadow_of("dlogits", gradients[0], op.tensor("logits").shape()[1], [loss = Loss(op), g = Values(dy)](std::int64_t i) {
    const std::int64_t n = i / loss.C;
    const double most = loss.most(n), factor = g[0] / static_cast<double>(loss.N), t = loss.target(i);
    WideSum mass;
    for (std::int64_t c = 0; c < loss.C; ++c) {
      const double share = loss.target(n * loss.C + c);
      mass.add(Bounded{share, 6 * kWideRoundoff * share});
    }
    WideSum rest;
    rest.add(product_of(quotient_of(loss.exponential(i, most), loss.sum(n, most)), mass.result()));
    rest.add(Bounded{-t, 6 * kWideRoundoff * t});
    return rounded(product_of({factor, 2 * kWideRoundoff * std::abs(factor)}, rest.result()));
  })};
}

}  // namespace

const OpShadows cross_entropy_shadows = {"cross_entropy", forward, backward};

}  // namespace vitrine
