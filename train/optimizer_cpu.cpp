#include "train/optimizer.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::cpu::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 8192;

F square_root(F v) {
  F r;
  for (int i = 0; i < kLanes; ++i) r[i] = __builtin_sqrtf(v[i]);  // correctly rounded on every machine
  return r;
}

// body(i, lanes) for blocks of at most kLanes elements.
template <class Body>
void blocks(std::int64_t n, Body body) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) body(i, kLanes);
    if (i < last) body(i, static_cast<int>(last - i));
  });
}

void adam(const AdamStep& s, const float* g, std::int64_t n, float* m, float* v, float* w) {
  blocks(n, [&](std::int64_t i, int lanes) {
    const F gradient = load_partial(g + i, lanes);
    const F first = fma(broadcast(s.one_minus_beta1), gradient, broadcast(s.beta1) * load_partial(m + i, lanes));
    const F second = fma(broadcast(s.one_minus_beta2), gradient * gradient, broadcast(s.beta2) * load_partial(v + i, lanes));
    const F divisor = fma(square_root(second), broadcast(s.second_correction), broadcast(s.eps));
    const F weight = broadcast(s.decay) * load_partial(w + i, lanes);
    store_partial(m + i, first, lanes);
    store_partial(v + i, second, lanes);
    store_partial(w + i, weight - broadcast(s.step) * (first / divisor), lanes);
  });
}

void sgd(float lr, float momentum, bool first_step, const float* g, std::int64_t n, float* u, float* w) {
  blocks(n, [&](std::int64_t i, int lanes) {
    const F gradient = load_partial(g + i, lanes);
    const F velocity = first_step ? gradient : fma(broadcast(momentum), load_partial(u + i, lanes), gradient);
    store_partial(u + i, velocity, lanes);
    store_partial(w + i, fma(-broadcast(lr), velocity, load_partial(w + i, lanes)), lanes);
  });
}

void rmsprop(float lr, float alpha, float one_minus_alpha, float momentum, float eps, const float* g, std::int64_t n, float* v,
             float* u, float* w) {
  blocks(n, [&](std::int64_t i, int lanes) {
    const F gradient = load_partial(g + i, lanes);
    const F second = fma(broadcast(one_minus_alpha), gradient * gradient, broadcast(alpha) * load_partial(v + i, lanes));
    const F velocity = fma(broadcast(momentum), load_partial(u + i, lanes), gradient / (square_root(second) + broadcast(eps)));
    store_partial(v + i, second, lanes);
    store_partial(u + i, velocity, lanes);
    store_partial(w + i, fma(-broadcast(lr), velocity, load_partial(w + i, lanes)), lanes);
  });
}

}  // namespace

extern const OptimizerKernels optimizer_table;
const OptimizerKernels optimizer_table = {adam, sgd, rmsprop};

}  // namespace vitrine::cpu::VITRINE_ISA
