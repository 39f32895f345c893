// Functions of one value as ops: one node and one kernel for all of them.
//
// Forward    y_i  = f(x_i)
// Backward   dx_i = dy_i f'(x_i)
// Saved      x
// Function   a struct template over an arithmetic (tensor/elementary.h), in the header of its op: `kName`, `value` and `slope`; where they can be
//            had together for less, `value_and_slope`; where dy f' would spoil a zero, `gradient(x, dy)`. Lanes and devices run the same code
// To add one its header with contract and function, its reference, its test; then its name here and its line in layers/unary_list.h
#pragma once

#include <cstdint>
#include <string_view>

#include "autograd/tape.h"

namespace vitrine {

// The list of ops; layers/unary_list.h says which function is which.
enum class Unary { swish, relu6, relu, gelu, tanh, leaky_relu, hard_swish, softplus };

// Each of them can stand behind a norm (layers/blocks/conv_norm.h).
using Activation = Unary;

std::string_view unary_name(Unary f);  // InternalError for a value that is none of the list

// The op of any function of the list: swish(x) and the others are this.
Variable unary(Unary f, const Variable& x);

// Both at once, of any arithmetic.
template <class F>
struct ValueAndSlope {
  F value, slope;
};

namespace kernels {

struct UnaryKernels {
  void (*forward)(Unary f, const float* x, std::int64_t n, float* y);
  void (*backward)(Unary f, const float* x, const float* dy, std::int64_t n, float* dx);
};
const UnaryKernels& unary_kernels(Device device = {});

// Of one function, for ops outside of the list: function_kernels<Function> of layers/unary_cpu.h.
struct FunctionKernels {
  void (*forward)(const float* x, std::int64_t n, float* y);
  void (*backward)(const float* x, const float* dy, std::int64_t n, float* dx);
};

}  // namespace kernels
}  // namespace vitrine
