// Value and bound of what an example computed, from layers/shadow.h.
#pragma once

#include "audit/op_pages/example.h"

namespace vitrine::op_pages {

// Of one tensor that the op computed.
struct ShadowLine {
  std::string of;
  bool inner = false;
  std::int64_t elements = 0, checked = 0;  // of many elements a sample, the same one each time
  double worst = 0, median = 0;            // rho = |computed - value| / bound
};
std::vector<ShadowLine> shadow_lines(const Computed& computed, const Tensor& dy);

// Of every element of the output (`input` -1), or of the gradient by an input; empty where the op gives none for it.
std::vector<Bounded> bounds_of(const Example& example, const Computed& computed, int input);

}  // namespace vitrine::op_pages
