// Which function is which: for kernels and for what calls them.
#pragma once

#include "layers/gelu.h"
#include "layers/hard_swish.h"
#include "layers/leaky_relu.h"
#include "layers/relu.h"
#include "layers/relu6.h"
#include "layers/softplus.h"
#include "layers/swish.h"
#include "layers/tanh.h"

namespace vitrine {

// Calls work(function) with the function of the arithmetic M. A name without a line here does not compile; nothing is called for a value
// that is no name (unary_name refuses it).
template <class M, class Work>
VITRINE_HD void with_unary(Unary f, const Work& work) {
  switch (f) {
    case Unary::gelu: return work(GeluFunction<M>{});
    case Unary::hard_swish: return work(HardSwishFunction<M>{});
    case Unary::leaky_relu: return work(LeakyReluFunction<M>{});
    case Unary::relu: return work(ReluFunction<M>{});
    case Unary::relu6: return work(Relu6Function<M>{});
    case Unary::softplus: return work(SoftplusFunction<M>{});
    case Unary::swish: return work(SwishFunction<M>{});
    case Unary::tanh: return work(TanhFunction<M>{});
  }
}

// f(u) and f'(u) together.
template <class Function, class F>
VITRINE_HD ValueAndSlope<F> value_and_slope(const Function& f, F u) {
  if constexpr (requires { f.value_and_slope(u); }) {
    return f.value_and_slope(u);
  } else {
    return {f.value(u), f.slope(u)};
  }
}

// dy f'(u).
template <class Function, class F>
VITRINE_HD F gradient(const Function& f, F u, F dy) {
  if constexpr (requires { f.gradient(u, dy); }) {
    return f.gradient(u, dy);
  } else {
    return dy * f.slope(u);
  }
}

}  // namespace vitrine
