// Shadows of an optimiser's update (nn/modules/optimizer.h): moments and value in float64, with the bound of the arithmetic that the rule states.
//
// Moments    from the old ones and the gradient; the value from the old one and the new moments as they were stored
// Constants  beta, step, decay and the others are computed in float64 and rounded once: u of each; 1 - beta^t has also the rounding of beta^t,
//            100 * 2^-53 / (1 - beta^t)
// Bound      one rounding for each operation in the order of nn/modules/optimizer_cpu.cpp, two where an fma takes their place; a square root is
//            rounded correctly
#pragma once

#include <cstdint>
#include <vector>

#include "layers/shadow.h"
#include "nn/modules/optimizer.h"

namespace vitrine {

// One update of one parameter. Tensors lie on the CPU.
struct SeenUpdate {
  OptimizerOptions options{};
  double lr = 0;
  double momentum = -1;        // as Optimizer::step got it
  std::int64_t steps = 1;      // updates of this parameter, this one included
  Tensor value{}, gradient{};  // before
  Tensor first{}, second{};    // moments before, zeros at the first step; `second` is not looked at for SGD
  Tensor new_value{};          // after
  Tensor new_first{}, new_second{};
};

// "first", "second" (inner) and "value".
std::vector<Shadow> update_shadows(const SeenUpdate& update);

}  // namespace vitrine
