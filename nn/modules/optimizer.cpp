#include "nn/modules/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace kernels {

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

}  // namespace kernels

namespace {

constexpr double kMostSteps = 1e15;
constexpr std::int64_t kLine = 16;  // floats
constexpr std::int64_t kLinesOfAThread = 512;

// A double as three floats that add up to it exactly, so that a file of float32 tensors can hold it.
void push_exact(std::vector<float>& out, double value) {
  for (int i = 0; i < 3; ++i) {
    out.push_back(static_cast<float>(value));
    value -= static_cast<double>(out.back());
  }
}

// base^exponent by squaring: the same bits on every machine.
double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if ((exponent & 1) != 0) result *= base;
  }
  return result;
}

double exact(std::span<const float> parts) {
  return (static_cast<double>(parts[2]) + static_cast<double>(parts[1])) + static_cast<double>(parts[0]);
}

}  // namespace

kernels::UpdateConstants Optimizer::advance(const std::string& name, int rank, double lr, double momentum) {
  return advance(states_[name], rank, lr, momentum);
}

kernels::UpdateConstants Optimizer::advance(State& state, int rank, double lr, double momentum) {
  ++state.steps;
  const bool decays = options_.weight_decay > 0 && (rank > 1 || options_.decay_vectors);
  const Asked asked{state.steps, lr, momentum, decays};
  if (!(asked == asked_)) {
    constants_ = constants_of(asked);
    asked_ = asked;
  }
  return constants_;
}

kernels::UpdateConstants Optimizer::constants_of(const Asked& asked) const {
  const auto& [steps, lr, momentum, decays] = asked;
  const auto single = [](double v) { return static_cast<float>(v); };
  kernels::UpdateConstants c;
  c.first = steps == 1;
  c.lr = single(lr);
  c.momentum = single(momentum >= 0 ? momentum : options_.momentum);
  c.alpha = single(options_.alpha);
  c.one_minus_alpha = single(1 - options_.alpha);
  c.eps = single(options_.eps);
  c.decay = single(decays ? 1 - lr * options_.weight_decay : 1.0);
  if (options_.rule == Rule::sgd || options_.rule == Rule::rmsprop) return c;
  const double beta1 = momentum >= 0 ? momentum : options_.beta1;
  const double second_correction = 1 / std::sqrt(1 - power(options_.beta2, steps));
  c.adam = {single(beta1),
            single(1 - beta1),
            single(options_.beta2),
            single(1 - options_.beta2),
            single(lr / (1 - power(beta1, steps))),
            single(second_correction),
            single(options_.eps * (options_.eps_after_correction ? 1 : second_correction)),
            c.decay};
  return c;
}

Optimizer::State& Optimizer::state_of(const std::string& name, const Tensor& value, const Tensor& gradient) {
  if (!(value.shape() == gradient.shape())) {
    throw ShapeError(text("optimizer: ", name, " is ", value.shape().text(), " but its gradient ", gradient.shape().text()));
  }
  if (!(value.device() == gradient.device())) {
    throw DeviceError(text("optimizer: ", name, " lies on ", value.device().text(), " but its gradient on ",
                           gradient.device().text(), "; move one with to(device)"));
  }
  State& state = states_[name];
  const Device device = value.device();
  const auto there = [&](Tensor& moment) {
    if (!moment.defined()) moment = Tensor::zeros(value.shape(), device);
    if (!(moment.device() == device)) moment = moment.to(device);
  };
  there(state.first);
  if (options_.rule != Rule::sgd) there(state.second);
  return state;
}

void Optimizer::step(const std::string& name, Tensor& value, const Tensor& gradient, double lr, double momentum) {
  const Update update{name, &value, gradient, lr};
  step({&update, 1}, momentum);
}

void Optimizer::step(std::span<const Update> updates, double momentum) {
  std::vector<Work> all;
  std::int64_t lines = 0;
  for (const Update& u : updates) {
    if (u.value->device().is_cuda()) {
      step_on_cuda(u, momentum);
      continue;
    }
    all.push_back(work_of(u, momentum));
    lines += all.back().lines;
  }
  // The parts are whole lines of the cache, of one parameter or of several.
  parallel_for(lines, kLinesOfAThread, [&](std::int64_t first, std::int64_t last) {
    std::int64_t begin = 0;
    for (const Work& work : all) {
      const std::int64_t from = std::max(first, begin), to = std::min(last, begin + work.lines);
      if (from < to) run(work, (from - begin) * kLine, std::min((to - begin) * kLine, work.size));
      begin += work.lines;
    }
  });
}

Optimizer::Work Optimizer::work_of(const Update& u, double momentum) {
  State& state = state_of(u.name, *u.value, u.gradient);
  const std::int64_t size = u.value->size();
  return {advance(state, u.value->shape().rank(), u.lr, momentum),
          u.gradient.data(),
          u.value->mutable_data(),
          state.first.mutable_data(),
          options_.rule == Rule::sgd ? nullptr : state.second.mutable_data(),
          size,
          (size + kLine - 1) / kLine};
}

void Optimizer::run(const Work& w, std::int64_t first, std::int64_t last) const {
  const kernels::OptimizerKernels& kernels = kernels::optimizer_kernels();
  const float* const g = w.gradient + first;
  float *const value = w.value + first, *const one = w.first + first;
  if (options_.rule == Rule::sgd) return kernels.sgd(w.constants, g, last - first, one, value);
  float* const two = w.second + first;
  if (options_.rule == Rule::rmsprop) return kernels.rmsprop(w.constants, g, last - first, two, one, value);
  kernels.adam(w.constants.adam, g, last - first, one, two, value);
}

void Optimizer::step_on_cuda(const Update& u, double momentum) {
  State& state = state_of(u.name, *u.value, u.gradient);
  const kernels::UpdateConstants c = advance(state, u.value->shape().rank(), u.lr, momentum);
  Tensor there = Tensor::uninitialized<std::uint8_t>({sizeof c}, u.value->device());
  there.write_bytes(&c, sizeof c);
  apply({{u.name, u.value, u.gradient, 0}}, reinterpret_cast<const kernels::UpdateConstants*>(there.data<std::uint8_t>()));
}

void Optimizer::apply(const std::vector<Target>& targets, const kernels::UpdateConstants* constants) {
  cuda::UpdateTargets launch;
  const auto flush = [&] {
    if (launch.count > 0) cuda::update(options_.rule, launch, constants);
    launch = {};
  };
  for (const Target& t : targets) {
    State& state = state_of(t.name, *t.value, t.gradient);
    cuda::make_current(t.value->device());
    launch.at[launch.count++] = {t.value->mutable_data(),
                                 state.first.mutable_data(),
                                 options_.rule == Rule::sgd ? nullptr : state.second.mutable_data(),
                                 t.gradient.data(),
                                 t.value->size(),
                                 t.group};
    launch.most = std::max(launch.most, t.value->size());
    if (launch.count == cuda::kTargetsOfLaunch) flush();
  }
  flush();
}

void Optimizer::add_state(const std::string& name, const State& state, std::vector<std::pair<std::string, Tensor>>& to) const {
  to.emplace_back(name + ":first", state.first.to(Device::cpu()));
  if (state.second.defined()) to.emplace_back(name + ":second", state.second.to(Device::cpu()));
  std::vector<float> counters;
  push_exact(counters, static_cast<double>(state.steps));
  to.emplace_back(name + ":counters", Tensor::from({3}, counters));
}

std::vector<std::pair<std::string, Tensor>> Optimizer::state() const {
  std::vector<std::pair<std::string, Tensor>> all;
  const std::map<std::string_view, const State*> by_name = [&] {
    std::map<std::string_view, const State*> sorted;
    for (const auto& [name, state] : states_) sorted.emplace(name, &state);
    return sorted;
  }();
  for (const auto& [name, state] : by_name) add_state(std::string(name), *state, all);
  return all;
}

std::vector<std::pair<std::string, Tensor>> Optimizer::state(const std::set<std::string>& names) const {
  std::vector<std::pair<std::string, Tensor>> some;
  for (const std::string& name : names) {
    if (const auto found = states_.find(name); found != states_.end()) add_state(name, found->second, some);
  }
  return some;
}

void Optimizer::restore(const std::vector<std::pair<std::string, Tensor>>& saved,
                        const std::map<std::string, Shape>& parameters) {
  std::unordered_map<std::string, State> restored;
  for (const auto& [key, tensor] : saved) {
    const std::size_t colon = std::min(key.rfind(':'), key.size());
    const std::string name = key.substr(0, colon), kind = key.substr(std::min(colon + 1, key.size()));
    const auto parameter = parameters.find(name);
    const bool counts = kind == "counters";
    if (parameter == parameters.end() || !(counts || kind == "first" || kind == "second") ||
        !(tensor.shape() == (counts ? Shape{3} : parameter->second)))
      throw DataError(text("the optimiser's state '", printable(key), "' ", tensor.shape().text(), " belongs to no parameter"));
    State& state = restored[name];
    if (counts) {
      const double steps = exact(tensor.host().subspan(0, 3));
      if (!(steps >= 0 && steps <= kMostSteps))
        throw DataError(text("the optimiser's state '", printable(key), "' counts ", steps, " steps"));
      state.steps = static_cast<std::int64_t>(steps);
    } else {
      (kind == "first" ? state.first : state.second) = tensor.clone();
    }
  }
  states_ = std::move(restored);
}

}  // namespace vitrine
