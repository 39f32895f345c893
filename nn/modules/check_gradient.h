// check_gradient for a module: every parameter is an input (autograd/check_gradient.h says what is compared and how near it must be).
#pragma once

#include <functional>
#include <vector>

#include "autograd/check_gradient.h"
#include "nn/modules/module.h"

namespace vitrine {

// f runs the module on the tape: [&](Tape& tape) { return net.forward(x, {.mode = Mode::train, .tape = &tape}); }. It is called with other
// values in the parameters; before every call what is kept but not trained is as it was at first, and at the end, whatever it is, all of it.
GradientCheck check_gradient(const std::vector<ModuleTensor>& tensors, const std::function<Variable(Tape&)>& f,
                             const GradientCheckOptions& options = {});
template <class Module>
requires requires(Module& module, const Visitor& v) { module.visit(v); }
GradientCheck check_gradient(Module& module, const std::function<Variable(Tape&)>& f,
                             const GradientCheckOptions& options = {}) {
  return check_gradient(tensors_of(module), f, options);
}

}  // namespace vitrine
