#include "nn/modules/optimizers.h"

#include "base/error.h"

namespace vitrine {

void ModuleOptimizer::step(const Gradients& gradients) {
  const auto is_updated = [&](const ModuleTensor& t) { return t.parameter != nullptr && gradients.of(*t.parameter).defined(); };
  for (const ModuleTensor& t : tensors_) {  // all of them before one is updated: a refused step changes nothing
    if (is_updated(t) && !t.value->is_sole_owner())
      throw InternalError(text("the update of '", t.name,
                               "': a Variable or another tensor still holds it; let the variables of the step ",
                               "go out of scope first, or keep a clone()"));
  }
  for (const ModuleTensor& t : tensors_) {
    if (is_updated(t)) optimizer_.step(t.name, *t.value, gradients.of(*t.parameter), lr);
  }
}

}  // namespace vitrine
