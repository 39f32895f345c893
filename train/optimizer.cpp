#include "train/optimizer.h"

#include <cmath>

#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine {
namespace cpu {

namespace scalar {
extern const OptimizerKernels optimizer_table;
}
namespace avx2 {
extern const OptimizerKernels optimizer_table;
}
namespace avx512 {
extern const OptimizerKernels optimizer_table;
}

const OptimizerKernels& optimizer_kernels() {
  return for_this_machine(scalar::optimizer_table, avx2::optimizer_table, avx512::optimizer_table);
}

}  // namespace cpu

namespace {

// A double as three floats that add up to it exactly, so that a file of float32 tensors can hold it.
void push_exact(std::vector<float>& out, double value) {
  for (int i = 0; i < 3; ++i) {
    out.push_back(static_cast<float>(value));
    value -= static_cast<double>(out.back());
  }
}

double exact(std::span<const float> parts) {
  return (static_cast<double>(parts[2]) + static_cast<double>(parts[1])) + static_cast<double>(parts[0]);
}

}  // namespace

void Optimizer::step(const std::string& name, Tensor& value, const Tensor& gradient, double lr, double momentum) {
  if (!(value.shape() == gradient.shape())) {
    throw ShapeError(text("optimizer: ", name, " is ", value.shape().text(), " but its gradient ", gradient.shape().text()));
  }
  State& state = states_[name];
  if (!state.first.defined()) {
    state.first = Tensor::zeros(value.shape());
    if (options_.rule != Rule::sgd) state.second = Tensor::zeros(value.shape());
  }
  ++state.steps;
  const float* g = gradient.host().data();
  float* w = value.mutable_host().data();
  float* first = state.first.mutable_host().data();
  const cpu::OptimizerKernels& kernels = cpu::optimizer_kernels();
  const auto single = [](double v) { return static_cast<float>(v); };
  if (options_.rule == Rule::sgd) {
    kernels.sgd(single(lr), single(momentum >= 0 ? momentum : options_.momentum), state.steps == 1, g, value.size(), first, w);
    return;
  }
  float* second = state.second.mutable_host().data();
  if (options_.rule == Rule::rmsprop) {
    kernels.rmsprop(single(lr), single(options_.alpha), single(1 - options_.alpha),
                    single(momentum >= 0 ? momentum : options_.momentum), single(options_.eps), g, value.size(), second, first,
                    w);
    return;
  }
  const double beta1 = momentum >= 0 ? momentum : options_.beta1;
  state.beta1_power *= beta1;
  state.beta2_power *= options_.beta2;
  const double decay = options_.rule == Rule::adamw ? 1 - lr * options_.weight_decay : 1.0;
  kernels.adam(
      {single(beta1), single(1 - beta1), single(options_.beta2), single(1 - options_.beta2),
       single(lr / (1 - state.beta1_power)), single(1 / std::sqrt(1 - state.beta2_power)), single(options_.eps), single(decay)},
      g, value.size(), first, second, w);
}

std::vector<std::pair<std::string, Tensor>> Optimizer::state() const {
  std::vector<std::pair<std::string, Tensor>> all;
  for (const auto& [name, state] : states_) {
    all.emplace_back(name + ":first", state.first);
    if (state.second.defined()) all.emplace_back(name + ":second", state.second);
    std::vector<float> counters;
    push_exact(counters, static_cast<double>(state.steps));
    push_exact(counters, state.beta1_power);
    push_exact(counters, state.beta2_power);
    all.emplace_back(name + ":counters", Tensor::from({9}, counters));
  }
  return all;
}

void Optimizer::restore(const std::vector<std::pair<std::string, Tensor>>& saved) {
  states_.clear();
  for (const auto& [key, tensor] : saved) {
    const std::size_t colon = key.rfind(':');
    if (colon == std::string::npos) throw InternalError(text("optimizer: the saved state '", key, "' has no kind"));
    State& state = states_[key.substr(0, colon)];
    const std::string kind = key.substr(colon + 1);
    if (kind == "first") {
      state.first = tensor.clone();
    } else if (kind == "second") {
      state.second = tensor.clone();
    } else {
      state.steps = static_cast<std::int64_t>(exact(tensor.host().subspan(0, 3)));
      state.beta1_power = exact(tensor.host().subspan(3, 3));
      state.beta2_power = exact(tensor.host().subspan(6, 3));
    }
  }
}

}  // namespace vitrine
