// An op that Vitrine does not have, outside of Vitrine: mish, on the vectors of every processor, with its gradient checked.
// You see   the largest error against float64 on every instruction set of this machine, and the gradient's check
// Change    the 0.5 of value in 04_own_op_cpu.cpp for a mistake: leave out the `t` of slope, and read what the check says
// Watch     the kernel is written once; a tape knows the op by a name, a backward, and what it saved
// Next      05_photograph.cpp: a network that others trained
#include <vitrine/vitrine.h>

#include <cmath>
#include <cstdio>

using namespace vitrine;

namespace own {
namespace scalar {
extern const kernels::FunctionKernels mish;
}
namespace avx2 {
extern const kernels::FunctionKernels mish;
}
namespace avx512 {
extern const kernels::FunctionKernels mish;
}

const kernels::FunctionKernels& kernels() { return for_this_machine(scalar::mish, avx2::mish, avx512::mish); }

struct MishNode final : Node {
  Tensor x;

  explicit MishNode(Tensor saved) : x(std::move(saved)) {}
  std::string_view name() const override { return "mish"; }
  void visit(SavedVisitor& show) const override { show("x", x); }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override {
    Tensor dx = Tensor::uninitialized(x.shape());
    kernels().backward(x.data(), dy.data(), x.size(), dx.mutable_data());
    return {std::move(dx)};
  }
};

Variable mish(const Variable& x) {
  Tensor y = Tensor::uninitialized(x.shape());
  kernels().forward(x.tensor().data(), y.size(), y.mutable_data());
  const Variable inputs[] = {x};
  return record<MishNode>(std::move(y), inputs, x.tensor());
}

}  // namespace own

int main() {
  Tensor x = Tensor::uninitialized({1001});
  for (std::size_t i = 0; i < 1001; ++i) x.mutable_host()[i] = (static_cast<float>(i) - 500) / 25;  // -20 to 20
  double error = 0;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    set_active_isa(isa);
    const Tensor y = own::mish(x).tensor();
    for (std::size_t i = 0; i < 1001; ++i) {
      const double u = x.host()[i], right = u * std::tanh(std::log1p(std::exp(u)));
      error = std::max(error, std::abs(y.host()[i] - right) / std::max(std::abs(right), 1e-30));
    }
  }
  const GradientCheck check = check_gradient([](std::span<const Variable> v) { return own::mish(v[0]); }, std::vector{x});
  std::printf("largest relative error %.1e\n%s\n", error, check.text().c_str());
  const bool right = error < 1e-6 && check.ok;
  std::printf("%s\n", right ? "all checks pass" : "NOT all checks pass");
  return right ? 0 : 1;
}
