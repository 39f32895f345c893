// Modules: values that hold parameters and say their names. There is no base class: a module is whatever has `visit(Visitor)`.
//
//   struct Net {
//     Conv2d conv{1, 16, 3};
//     Linear out{16, 10};
//     Variable forward(const Variable& x, const Pass& pass) { return out(global_average_pool(relu(conv(x, pass))), pass); }
//     void visit(const Visitor& v) { v("conv", conv), v("out", out); }
//   };
//
// Names are joined by dots ("conv.weight"). A module that has a member `path` is told its own, for messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tape.h"

namespace vitrine {

// One tensor of a module.
struct ModuleTensor {
  std::string name;
  Tensor* value;
  Parameter* parameter;  // null for what is kept but not trained, such as running statistics
};

class Visitor {
 public:
  using Seen = std::function<void(const ModuleTensor&)>;

  explicit Visitor(const Seen& seen, std::string prefix = {}) : seen_(&seen), prefix_(std::move(prefix)) {}

  void operator()(std::string_view name, Parameter& parameter) const;
  void operator()(std::string_view name, Tensor& buffer) const;
  template <class Module>
  requires requires(Module& module, const Visitor& v) { module.visit(v); }
  void operator()(std::string_view name, Module& module) const {
    const Visitor inside(*seen_, joined(name));
    if constexpr (requires { module.path = std::string(); }) module.path = inside.prefix_;
    module.visit(inside);
  }

 private:
  std::string joined(std::string_view name) const;

  const Seen* seen_;
  std::string prefix_;
};

// Every tensor once, in the order of `visit`; one that is shown twice, as a shared weight is, under its first name. InternalError when two tensors
// have one name.
std::vector<ModuleTensor> checked(std::vector<ModuleTensor> tensors);
template <class Module>
std::vector<ModuleTensor> tensors_of(Module& module) {
  std::vector<ModuleTensor> tensors;
  const Visitor::Seen seen = [&](const ModuleTensor& t) { tensors.push_back(t); };
  module.visit(Visitor(seen));
  return checked(std::move(tensors));
}

// Parameters of two axes and more are drawn normal with variance 2 / fan_in (He et al. 2015, arXiv:1502.01852, eq. 10), fan_in being the product
// of all axes but the last ([R, S, C, K] and [C, K]; depthwise [R, S, C]: R S). The others keep what they were made with: biases 0, norms 1 and 0.
// A draw is a function of the seed, the parameter's place and the element's.
void initialize(const std::vector<ModuleTensor>& tensors, std::uint64_t seed);
template <class Module>
void initialize(Module& module, std::uint64_t seed) {
  initialize(tensors_of(module), seed);
}

// Moves every tensor to `device`; inputs are moved by whoever makes them. The shares of a tensor that others hold stay where they are.
void to(const std::vector<ModuleTensor>& tensors, Device device);
template <class Module>
void to(Module& module, Device device) {
  to(tensors_of(module), device);
}

std::int64_t parameter_count(const std::vector<ModuleTensor>& tensors);
template <class Module>
std::int64_t parameter_count(Module& module) {
  return parameter_count(tensors_of(module));
}

// A copy with storage of its own: an assignment shares storage, and a shared weight cannot be updated.
void own(const std::vector<ModuleTensor>& tensors);
template <class Module>
requires requires(Module& module, const Visitor& v) { module.visit(v); }
Module clone(const Module& module) {
  Module copy = module;
  own(tensors_of(copy));
  return copy;
}

}  // namespace vitrine
