// Functions of one value on vectors, for the blocks' kernels: those of EfficientNets are compiled into each, the others are chosen where they
// are called.
#pragma once

#include <optional>

#include "layers/unary_list.h"
#include "tensor/parallel.h"
#include "tensor/simd_math.h"

namespace vitrine::kernels::VITRINE_ISA {

using Activated = ValueAndSlope<F>;

// Each is made from what a shape names, though only the last one looks at it.
struct NoActivation {
  explicit NoActivation(const std::optional<Activation>&) {}
  static F value(F u) { return u; }
  static F slope(F) { return broadcast(1.0f); }
};
struct SwishActivation : SwishFunction<Lanes> {
  explicit SwishActivation(const std::optional<Activation>&) {}
};
struct Relu6Activation : Relu6Function<Lanes> {
  explicit Relu6Activation(const std::optional<Activation>&) {}
};
struct AnyActivation {
  Unary f;

  explicit AnyActivation(const std::optional<Activation>& activation) : f(*activation) {}
  F value(F u) const {
    F y = zero();
    with_unary<Lanes>(f, [&](auto function) { y = function.value(u); });
    return y;
  }
  F slope(F u) const {
    F y = zero();
    with_unary<Lanes>(f, [&](auto function) { y = function.slope(u); });
    return y;
  }
};

// Calls work(function) with what a shape names.
template <class Work>
static inline void with_activation(Activation activation, const Work& work) {
  if (activation == Activation::swish) return work(SwishActivation(activation));
  if (activation == Activation::relu6) return work(Relu6Activation(activation));
  work(AnyActivation(activation));
}
template <class Work>
static inline void with_activation_or_none(const std::optional<Activation>& activation, const Work& work) {
  if (!activation) return work(NoActivation(activation));
  with_activation(*activation, work);
}

inline constexpr std::int64_t kUnaryGrain = 8192;  // elements; a smaller part is not worth waking a thread

// y_i = f(x_i) of a function of the library or one's own (layers/unary.h).
template <class Function>
static inline void apply(const Function& f, const float* x, std::int64_t n, float* y) {
  parallel_for(n, kUnaryGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(y + i, f.value(load(x + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(y + i, f.value(load_partial(x + i, rest)), rest);
  });
}

// dx_i = dy_i f'(x_i).
template <class Function>
static inline void apply_gradient(const Function& f, const float* x, const float* dy, std::int64_t n, float* dx) {
  parallel_for(n, kUnaryGrain, [&](std::int64_t first, std::int64_t last) {
    std::int64_t i = first;
    for (; i + kLanes <= last; i += kLanes) store(dx + i, gradient(f, load(x + i), load(dy + i)));
    const int rest = static_cast<int>(last - i);
    if (rest > 0) store_partial(dx + i, gradient(f, load_partial(x + i, rest), load_partial(dy + i, rest)), rest);
  });
}

template <class Function>
inline constexpr FunctionKernels function_kernels = {
    [](const float* x, std::int64_t n, float* y) { apply(Function{}, x, n, y); },
    [](const float* x, const float* dy, std::int64_t n, float* dx) { apply_gradient(Function{}, x, dy, n, dx); }};

}  // namespace vitrine::kernels::VITRINE_ISA
