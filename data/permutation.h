// A drawn order of 0..n-1.
#pragma once

#include <vector>

#include "tensor/philox.h"

namespace vitrine {

// Fisher-Yates with the draws 0..n-2 of these coordinates: a function of the coordinates and n alone.
std::vector<int> permutation(const Draw& draw, int n);

}  // namespace vitrine
