// Shadows of what a rule fixes and no rounding touches: a stride, a rate, bits that must be those of another tensor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layers/shadow.h"

namespace vitrine::audit {

// A shadow outside of the tape, and whose it is: "batch/slot 3", "bn1.running_mean".
struct NamedShadow {
  std::string node;
  std::uint32_t number = 0;  // among those of its kind: what samples are drawn by
  Shadow shadow;
};

// As many numbers as are expected, each exactly.
Shadow fixed_numbers(std::string of, std::vector<double> seen, std::vector<double> expected);
// 0 where all bits of two tensors are the same, 1 where not, or where one of them alone is there.
Shadow same_values(std::string of, const Tensor& seen, const Tensor& expected);
// The float32 values, each exactly.
Shadow exact_values(std::string of, const Tensor& seen, const Tensor& expected);

}  // namespace vitrine::audit
