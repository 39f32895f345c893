#include "nn/modules/optimizer.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

// The arithmetic of nn/modules/optimizer_cpu.cpp for element i.
VITRINE_HD void adam(const kernels::AdamStep& s, const UpdateTarget& t, std::int64_t i) {
  const float gradient = t.gradient[i];
  const float first = std::fma(s.one_minus_beta1, gradient, s.beta1 * t.first[i]);
  const float second = std::fma(s.one_minus_beta2, gradient * gradient, s.beta2 * t.second[i]);
  const float divisor = std::fma(std::sqrt(second), s.second_correction, s.eps);
  const float weight = s.decay * t.w[i];
  t.first[i] = first;
  t.second[i] = second;
  t.w[i] = weight - s.step * (first / divisor);
}

VITRINE_HD void sgd(const kernels::UpdateConstants& s, const UpdateTarget& t, std::int64_t i) {
  const float velocity = s.first ? t.gradient[i] : std::fma(s.momentum, t.first[i], t.gradient[i]);
  t.first[i] = velocity;
  t.w[i] = std::fma(-s.lr, velocity, s.decay * t.w[i]);
}

VITRINE_HD void rmsprop(const kernels::UpdateConstants& s, const UpdateTarget& t, std::int64_t i) {
  const float gradient = t.gradient[i];
  const float second = std::fma(s.one_minus_alpha, gradient * gradient, s.alpha * t.second[i]);
  const float velocity = std::fma(s.momentum, t.first[i], gradient / (std::sqrt(second) + s.eps));
  t.second[i] = second;
  t.first[i] = velocity;
  t.w[i] = std::fma(-s.lr, velocity, s.decay * t.w[i]);
}

}  // namespace

void update(Rule rule, const UpdateTargets& targets, const kernels::UpdateConstants* constants) {
  constexpr std::int64_t kPart = 4096;  // elements of a block
  const std::int64_t parts = (targets.most + kPart - 1) / kPart;
  for_blocks("optimizer", targets.count * parts, 256, 0, [=] VITRINE_HD(const Block& block) {
    const UpdateTarget& t = targets.at[block.index / parts];
    const std::int64_t first = block.index % parts * kPart, last = first + kPart < t.n ? first + kPart : t.n;
    const kernels::UpdateConstants& s = constants[t.group];
    block.each([&](int thread) {
      for (std::int64_t i = first + thread; i < last; i += block.threads) {
        if (rule == Rule::sgd) {
          sgd(s, t, i);
        } else if (rule == Rule::rmsprop) {
          rmsprop(s, t, i);
        } else {
          adam(s.adam, t, i);
        }
      }
    });
  });
}

}  // namespace vitrine::cuda
