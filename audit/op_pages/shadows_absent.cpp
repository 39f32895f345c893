// In a tree without the ops' bounds (layers/*_bound.cpp): pages show none.
#include "audit/op_pages/shadows.h"

namespace vitrine::op_pages {

std::vector<ShadowLine> shadow_lines(const Computed&, const Tensor&) { return {}; }
std::vector<Bounded> bounds_of(const Example&, const Computed&, int) { return {}; }

}  // namespace vitrine::op_pages
