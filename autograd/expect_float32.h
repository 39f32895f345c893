// What an op says about the numbers that it is given.
#pragma once

#include <span>
#include <string_view>

#include "autograd/tape.h"

namespace vitrine {

// Every op computes with float32. DTypeError naming the op, the place of the input, and what it holds. An undefined input is none.
void expect_float32(std::string_view op, std::span<const Variable> inputs);

}  // namespace vitrine
