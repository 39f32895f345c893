// The kernels of 04_own_op.cpp: vitrine_kernels(...) in CMakeLists.txt compiles this file once for each instruction set.
#include <vitrine/kernels.h>

namespace own::VITRINE_ISA {

using namespace vitrine::kernels::VITRINE_ISA;
using vitrine::kernels::FunctionKernels;

// mish(x) = x tanh(log(1 + e^x)), and tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2).
template <class M>
struct Mish {
  using G = typename M::F;
  static G share(G x) {
    const G e = vitrine::Elementary<M>::exp(M::min(M::broadcast(20.0f), x));  // beyond 20 the share is 1
    const G n = e * (e + M::broadcast(2.0f));
    return n / (n + M::broadcast(2.0f));
  }
  static G value(G x) { return x * share(x); }
  static G slope(G x) {
    const G t = share(x);
    return M::fma(x * vitrine::Elementary<M>::sigmoid(x), M::broadcast(1.0f) - t * t, t);
  }
};

extern const FunctionKernels mish;
const FunctionKernels mish = function_kernels<Mish<Lanes>>;

}  // namespace own::VITRINE_ISA
