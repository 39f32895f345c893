// What an op says about the numbers that it is given.
#pragma once

#include <span>
#include <string_view>

#include "autograd/tape.h"

namespace vitrine {

// Every op computes with float32, and on the device of its inputs. DTypeError naming the op, the place of the input, and what it holds; DeviceError
// where an input lies on another device than the first. An undefined input is none.
void expect_float32(std::string_view op, std::span<const Variable> inputs);
// The same of a tensor that an op takes besides, `what`, where `device` is that of its inputs.
void expect_device(std::string_view op, std::string_view what, const Tensor& tensor, Device device);

}  // namespace vitrine
