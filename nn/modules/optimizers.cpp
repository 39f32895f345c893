#include "nn/modules/optimizers.h"

#include "base/error.h"

namespace vitrine {

void ModuleOptimizer::step(const Gradients& gradients) {
  for (const ModuleTensor& t : tensors_) {
    if (t.parameter == nullptr) continue;
    const Tensor& gradient = gradients.of(*t.parameter);
    if (!gradient.defined()) continue;
    if (!t.value->is_sole_owner())
      throw InternalError(text("the update of '", t.name,
                               "': a Variable or another tensor still holds it; let the variables of the step ",
                               "go out of scope first, or keep a clone()"));
    optimizer_.step(t.name, *t.value, gradient, lr);
  }
}

}  // namespace vitrine
