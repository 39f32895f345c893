#include "nn/modules/optimizer.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

// What a step of an element reads, so that the reads of several are under way together.
struct Held {
  float w = 0, gradient = 0, first = 0, second = 0;
};

// The arithmetic of nn/modules/optimizer_cpu.cpp for one element.
VITRINE_HD void adam(const kernels::AdamStep& s, Held& t) {
  t.first = std::fma(s.one_minus_beta1, t.gradient, s.beta1 * t.first);
  t.second = std::fma(s.one_minus_beta2, t.gradient * t.gradient, s.beta2 * t.second);
  const float divisor = std::fma(std::sqrt(t.second), s.second_correction, s.eps);
  const float weight = s.decay * t.w;
  t.w = weight - s.step * (t.first / divisor);
}

VITRINE_HD void sgd(const kernels::UpdateConstants& s, Held& t) {
  t.first = s.first ? t.gradient : std::fma(s.momentum, t.first, t.gradient);
  t.w = std::fma(-s.lr, t.first, s.decay * t.w);
}

VITRINE_HD void rmsprop(const kernels::UpdateConstants& s, Held& t) {
  t.second = std::fma(s.one_minus_alpha, t.gradient * t.gradient, s.alpha * t.second);
  t.first = std::fma(s.momentum, t.first, t.gradient / (std::sqrt(t.second) + s.eps));
  t.w = std::fma(-s.lr, t.first, s.decay * t.w);
}

// SGD knows no second moment, and in its first step no first one.
struct Reads {
  bool first, second;
};

VITRINE_HD Held held(const UpdateTarget& t, std::int64_t i, const Reads& reads) {
  return {t.w[i], t.gradient[i], reads.first ? t.first[i] : 0.0f, reads.second ? t.second[i] : 0.0f};
}
VITRINE_HD void keep(const UpdateTarget& t, std::int64_t i, const Reads& reads, const Held& h) {
  t.w[i] = h.w;
  t.first[i] = h.first;
  if (reads.second) t.second[i] = h.second;
}

}  // namespace

void update(Rule rule, const UpdateTargets& targets, const kernels::UpdateConstants* constants) {
  constexpr std::int64_t kPart = 4096;  // elements of a block
  constexpr int kAtOnce = 4, kThreads = 256;
  const std::int64_t parts = (targets.most + kPart - 1) / kPart;
  for_blocks("optimizer", targets.count * parts, kThreads, 0, [=] VITRINE_HD(const Block& block) {
    const UpdateTarget t = targets.at[block.index / parts];
    const std::int64_t first = block.index % parts * kPart, last = first + kPart < t.n ? first + kPart : t.n;
    if (first >= t.n) return;
    const kernels::UpdateConstants s = constants[t.group];
    const Reads reads{rule != Rule::sgd || !s.first, rule != Rule::sgd};
    block.each([&](int thread) {
      for (std::int64_t i = first + thread; i < last; i += kAtOnce * kThreads) {
        Held values[kAtOnce];
        VITRINE_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          if (i + k * kThreads < last) values[k] = held(t, i + k * kThreads, reads);
        }
        VITRINE_UNROLL
        for (int k = 0; k < kAtOnce; ++k) {
          if (rule == Rule::sgd) {
            sgd(s, values[k]);
          } else if (rule == Rule::rmsprop) {
            rmsprop(s, values[k]);
          } else {
            adam(s.adam, values[k]);
          }
          if (i + k * kThreads < last) keep(t, i + k * kThreads, reads, values[k]);
        }
      }
    });
  });
}

}  // namespace vitrine::cuda
