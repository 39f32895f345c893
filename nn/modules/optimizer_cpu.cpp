#include "nn/modules/optimizer.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 8192;

struct WholeVector {
  static F get(const float* p) { return load(p); }
  static void put(float* p, F v) { store(p, v); }
};
struct PartOfVector {
  int lanes;
  F get(const float* p) const { return load_partial(p, lanes); }
  void put(float* p, F v) const { store_partial(p, v, lanes); }
};

// body(i, memory) for blocks of at most kLanes elements.
template <class Body>
void blocks(std::int64_t n, Body body) {
  parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) body(i, WholeVector{});
    if (i < last) body(i, PartOfVector{static_cast<int>(last - i)});
  });
}

void adam(const AdamStep& s, const float* g, std::int64_t n, float* m, float* v, float* w) {
  blocks(n, [&](std::int64_t i, const auto& memory) {
    for (const float* p : {m, v, w}) read_ahead(p + i);
    const F gradient = memory.get(g + i);
    const F first = fma(broadcast(s.one_minus_beta1), gradient, broadcast(s.beta1) * memory.get(m + i));
    const F second = fma(broadcast(s.one_minus_beta2), gradient * gradient, broadcast(s.beta2) * memory.get(v + i));
    const F divisor = fma(square_root(second), broadcast(s.second_correction), broadcast(s.eps));
    const F weight = broadcast(s.decay) * memory.get(w + i);
    memory.put(m + i, first);
    memory.put(v + i, second);
    memory.put(w + i, weight - broadcast(s.step) * (first / divisor));
  });
}

void sgd(const UpdateConstants& s, const float* g, std::int64_t n, float* u, float* w) {
  blocks(n, [&](std::int64_t i, const auto& memory) {
    const F gradient = memory.get(g + i);
    const F velocity = s.first ? gradient : fma(broadcast(s.momentum), memory.get(u + i), gradient);
    memory.put(u + i, velocity);
    memory.put(w + i, fma(-broadcast(s.lr), velocity, broadcast(s.decay) * memory.get(w + i)));
  });
}

void rmsprop(const UpdateConstants& s, const float* g, std::int64_t n, float* v, float* u, float* w) {
  blocks(n, [&](std::int64_t i, const auto& memory) {
    const F gradient = memory.get(g + i);
    const F second = fma(broadcast(s.one_minus_alpha), gradient * gradient, broadcast(s.alpha) * memory.get(v + i));
    const F velocity = fma(broadcast(s.momentum), memory.get(u + i), gradient / (square_root(second) + broadcast(s.eps)));
    memory.put(v + i, second);
    memory.put(u + i, velocity);
    memory.put(w + i, fma(-broadcast(s.lr), velocity, broadcast(s.decay) * memory.get(w + i)));
  });
}

}  // namespace

extern const OptimizerKernels optimizer_table;
const OptimizerKernels optimizer_table = {adam, sgd, rmsprop};

}  // namespace vitrine::kernels::VITRINE_ISA
