// The checks that every op passes, run from a list of cases: an op's test file describes the op, op_tests.cpp does the rest.
//
//   1. the reference's backward is the derivative of its forward (dual numbers, double, random upstream gradient, 1e-12)
//   2. the kernels agree with the reference: bit for bit where the case says so, else within the stated ulp of the largest
//   element
//   3. through the tape, with every input used twice
//   4. every element of every output is written (memory poisoned with NaN), inputs stay as they were
//   5. the same bits on repeat, for 1, 2, 3 and 7 threads and for every instruction set of this machine
//   6. the CUDA kernels, on the host and on a GPU where there is one: the CPU's bits in the portable tier
//   7. and in the run-to-run tier the reference within the stated ulp, the same bits on repeat
//   8. a NaN in an input is never passed over: the output has NaN where the reference has it, on every set of kernels
//   9. nodes show every tensor that they hold
//   10. float64 inputs are refused in a sentence that names the op and the input
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autograd/tape.h"
#include "tests/layers/dual.h"

namespace vitrine::testing {

template <class T>
using Arrays = std::vector<std::vector<T>>;

struct OpCase {
  std::string name;           // letters, digits, underscores: part of the test's name
  std::vector<Shape> inputs;  // the differentiable inputs
  std::function<Variable(std::span<const Variable>)> apply;

  std::function<std::vector<double>(const Arrays<double>&)> forward;
  std::function<std::vector<Dual>(const Arrays<Dual>&)> forward_dual;
  std::function<std::vector<float>(const Arrays<float>&)> forward_float;
  std::function<Arrays<double>(const Arrays<double>&, const std::vector<double>& dy)> backward;
  std::function<Arrays<float>(const Arrays<float>&, const std::vector<float>& dy)> backward_float;

  double forward_ulp = 4;  // |kernel - reference in double| / (2^-23 max |reference|)
  double backward_ulp = 8;
  bool same_bits_as_float_reference = false;  // the reference on floats states the canonical order itself
  double input_scale = 1;                     // inputs are drawn normal with this standard deviation
};

// `forward(const Arrays<T>& in) -> std::vector<T>` and `backward(const Arrays<T>& in, const std::vector<T>& dy) -> Arrays<T>`
// are generic lambdas around the op's reference.
template <class Forward, class Backward>
OpCase op_case(std::string name, std::vector<Shape> inputs, Forward forward, Backward backward,
               std::function<Variable(std::span<const Variable>)> apply) {
  OpCase c;
  c.name = std::move(name);
  c.inputs = std::move(inputs);
  c.apply = std::move(apply);
  c.forward = forward;
  c.forward_dual = forward;
  c.forward_float = forward;
  c.backward = backward;
  c.backward_float = backward;
  return c;
}

class OpTest : public ::testing::TestWithParam<OpCase> {};

inline std::string op_case_name(const ::testing::TestParamInfo<OpCase>& info) { return info.param.name; }

// The checks over the cases of one op: VITRINE_OP_TESTS(swish, swish_cases()) in the op's test file.
#define VITRINE_OP_TESTS(op, cases) \
  INSTANTIATE_TEST_SUITE_P(op, OpTest, ::testing::ValuesIn(cases), ::vitrine::testing::op_case_name)

}  // namespace vitrine::testing
