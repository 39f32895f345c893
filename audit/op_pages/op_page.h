// The page of an op: what it promises, an example with every number, its gradient, the order of its sums, its bound, its kernels, its source.
#pragma once

#include <string_view>

#include "audit/op_pages/page.h"

namespace vitrine::op_pages {

// UsageError naming the nearest for a name that is none. `measure`: with times of this machine, which differ from run to run; without them the page is
// the same bytes each time.
Page op_page(std::string_view op, bool measure = false);

}  // namespace vitrine::op_pages
