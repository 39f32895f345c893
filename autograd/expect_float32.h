// What an op says about the numbers that it is given.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "autograd/tape.h"

namespace vitrine {

// Ops compute with float32, and on the device of their inputs. DTypeError naming the op, the place of the input, and what it holds; DeviceError
// where an input lies on another device than the first. An undefined input is none.
void expect_float32(std::string_view op, std::span<const Variable> inputs);
// The same of an op that also has kernels for images in bfloat16, on a CUDA device in the run-to-run tier: inputs[0] may hold it, and then those at
// the places `as_first` do as well.
void expect_float32_or_bfloat16(std::string_view op, std::span<const Variable> inputs,
                                std::span<const std::size_t> as_first = {});
// The same of a tensor that an op takes besides, `what`, where `device` is that of its inputs.
void expect_device(std::string_view op, std::string_view what, const Tensor& tensor, Device device);

}  // namespace vitrine
