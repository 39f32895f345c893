// A launch in groups, compiled for GPUs too.
#pragma once

#include <cstdint>

namespace vitrine::testing {

// On the current device: y[g] = the sum of x[m * groups + g] over m, ascending, through partial [members][groups].
void sum_groups(const float* x, std::int64_t groups, std::int64_t members, float* partial, float* y);

}  // namespace vitrine::testing
