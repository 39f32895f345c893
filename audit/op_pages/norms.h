// The numbers on the way of a batch normalisation, for the examples that have one inside.
#pragma once

#include "audit/op_pages/example.h"

namespace vitrine::op_pages {

struct NormSteps {
  Doubles mean, variance, deviation, scale;  // of channels: sqrt(v + eps), gamma / it
  Doubles h, y;                              // of elements: normalised; gamma h + beta
};

NormSteps norm_steps(std::int64_t rows, std::int64_t C, const Doubles& x, const Doubles& gamma, const Doubles& beta,
                     double eps);
NumberTable moments_table(const std::string& caption, const NormSteps& steps);
NumberTable norm_gradient_table(const std::string& caption, std::int64_t rows, std::int64_t C, const NormSteps& steps,
                                const Doubles& dy);

}  // namespace vitrine::op_pages
